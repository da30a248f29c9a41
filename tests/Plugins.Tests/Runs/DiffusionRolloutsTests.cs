using System.Text.Json.Nodes;
using Plumbline.Plugins.DenoisingMlp;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>The loop of diffusion rollouts on a small perceptron in float64.</summary>
public sealed class DiffusionRolloutsTests
{
    [Fact]
    public void In_chunks_the_numbers_are_the_same()
    {
        var whole = Run("ddpo", 3, """{ "kl_weight": 0.1, "minibatches": 2, "learning_rate": 0.01 }""");
        var chunks = Run("ddpo", 3, """{ "kl_weight": 0.1, "minibatches": 2, "learning_rate": 0.01, "chunk": 7 }""");
        Assert.All(whole.Steps.Zip(chunks.Steps), pair => Assert.All(pair.First.Keys, name => Assert.Equal(pair.First[name], pair.Second[name], 1e-9)));
        Assert.True(whole.Steps[^1]["kl"] > 0);
    }

    [Fact]
    public void What_the_sampler_recorded_is_what_the_trainer_computes()
    {
        foreach (var more in new[] { "{}", """{ "sampler": { "num_inference_steps": 4, "guidance_scale": 3, "eta": 0.5 } }""", """{ "sampler": { "num_inference_steps": 4, "reduction": "sum", "guidance_scale": 2, "detach_unconditional": true } }""" })
        {
            Assert.All(Run("ddpo", 2, more).Steps, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-8));
        }
    }

    [Fact]
    public void A_flow_is_learnt_from_alike()
    {
        foreach (var sde in new[] { "flow_grpo", "dance" })
        {
            var told = Run("ddpo", 2, $$"""{ "kl_weight": 0.1, "sampler": { "num_inference_steps": 4, "group_size": 3, "shared_noise": true, "sde": "{{sde}}", "kl_scale": "coefficient", "clean_sample": true, "train_last_step": false } }""", flow: true);
            Assert.All(told.Steps, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-8));
            Assert.Equal(6 * 3 * 4, told.Steps[0]["evaluations"]);
        }
    }

    [Fact]
    public void At_the_first_update_d3po_stands_at_log_2_and_then_below()
    {
        var told = Run("d3po", 4, """{ "learning_rate": 0.003 }""");
        Assert.Equal(Math.Log(2), told.Steps[0]["loss"], 1e-12);
        Assert.True(told.Steps[^1]["implicit_accuracy"] > 0);
        Assert.Equal(0, told.Steps[0]["ties"]);
        Assert.Equal(6, told.Steps[0]["trained"]);
    }

    [Fact]
    public void Of_more_than_two_samples_a_condition_all_pairs_are_compared()
    {
        Assert.Equal(6 * 3, Run("d3po", 1, """{ "sampler": { "num_inference_steps": 4, "group_size": 3 } }""").Steps[0]["trained"]);
        var ties = Run("d3po", 1, """{ "rewards": ["small-constant"], "keep_ties": true }""");
        Assert.Equal(1, ties.Steps[0]["ties"]);
        Assert.Equal(Math.Log(2), ties.Steps[0]["loss"], 1e-12);
        Assert.Equal(0, Run("d3po", 1, """{ "rewards": ["small-constant"] }""").Steps[0]["trained"]);
    }

    [Fact]
    public void Equal_rewards_teach_nothing_and_are_told()
    {
        var told = Run("ddpo", 3, """{ "rewards": ["small-constant"], "drop_equal_groups": true }""");
        Assert.All(told.Steps, metrics => Assert.Equal((1, 0), (metrics["dropped_groups"], metrics["trained"])));
        Assert.Contains(told.Diagnoses, diagnosis => diagnosis.Name == "equal-rewards");
    }

    [Fact]
    public void A_share_of_the_steps_trains_where_that_is_asked_for()
    {
        var half = Run("ddpo", 1, """{ "timestep_fraction": 0.5, "epochs_per_batch": 2 }""").Steps[0];
        Assert.NotEqual(Run("ddpo", 1, """{ "epochs_per_batch": 2 }""").Steps[0]["loss"], half["loss"]);
    }

    [Fact]
    public void Rewards_of_a_prompt_are_remembered_from_step_to_step()
    {
        var told = Run("ddpo", 6, """{ "advantage": { "use": "per-prompt", "buffer_size": 16, "min_count": 4 } }""");
        Assert.True(told.Steps[0]["counts"] < told.Steps[^1]["counts"]);
    }

    [Fact]
    public void The_regression_learns_from_the_samples_themselves()
    {
        var told = Run("diffusion-rollouts", 3, """{ "objective": "rwr", "epochs_per_batch": 2, "minibatches": 2 }""");
        Assert.All(told.Steps, metrics => Assert.True(metrics["grad_norm"] > 0 && metrics["weight_max"] >= 1 && !metrics.ContainsKey("sampler_gap")));
    }

    [Theory]
    [InlineData("ddpo", """{ "sampler": { "num_inference_steps": 4, "eta": 0 } }""", "eta")]
    [InlineData("ddpo", """{ "estimator": "sf", "minibatches": 2 }""", "minibatches")]
    [InlineData("ddpo", """{ "judge": "d3po" }""", "judge 'd3po'")]
    [InlineData("d3po", """{ "advantage": "group-relative" }""", "advantage 'group-relative'")]
    [InlineData("d3po", """{ "sampler": { "num_inference_steps": 4, "group_size": 1 } }""", "group_size")]
    [InlineData("ddpo", """{ "terms": ["d3po"] }""", "preferences")]
    [InlineData("ddpo", """{ "rewards": [] }""", "rewards")]
    public void What_can_not_be_is_refused_with_the_remedy(string use, string more, string word) =>
        Assert.Contains(word, Assert.ThrowsAny<PlumblineException>(() => Run(use, 1, more)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_stage_that_is_run_again_has_the_same_numbers() => Assert.Equal(Run("d3po", 3, "{}").Lines, Run("d3po", 3, "{}").Lines);

    [Fact]
    public void Members_of_a_group_differ_also_from_one_noise_and_no_row_depends_on_another()
    {
        using var scope = NewDisposeScope();
        using var toy = new ToyStage();
        using var model = new DenoisingMlp(new DenoisingMlpOptions { Width = 16, Process = new() { NumTrainTimesteps = 20, BetaEnd = 0.4 } }, toy.Run);
        var sampler = new TrajectorySampler(new TrajectorySamplerOptions { NumInferenceSteps = 3, GroupSize = 2, SharedNoise = true });
        Draws[] draws = [new(1), new(2)];
        var both = sampler.Sample(model, new TrajectoryRequest { Draws = draws }, TestContext.Current.CancellationToken);
        Given.Same(both.States[0], both.States[1]);
        Assert.True((both.Samples[0] - both.Samples[1]).abs().max().ToDouble() > 0.01);
        Given.Same(sampler.Sample(model, new TrajectoryRequest { Draws = draws[1..] }, TestContext.Current.CancellationToken).Samples, both.Samples.narrow(0, 2, 2));
        var still = sampler.Sample(model, new TrajectoryRequest { Draws = draws, Deterministic = true }, TestContext.Current.CancellationToken);
        Assert.DoesNotContain(true, still.Trains);
        Given.Same(still.Samples[0], still.Samples[1]);
        var quiet = new TrajectorySampler(new TrajectorySamplerOptions { NumInferenceSteps = 3, Eta = 0 });
        Assert.Contains("eta", Assert.Throws<InvalidInputException>(() => quiet.Densities(model, both, [0])).Message, StringComparison.Ordinal);
    }

    private static StageRun.Told Run(string use, int steps, string more, bool flow = false)
    {
        var stage = use == Loop.DiffusionRollouts ? SmallStages.OfLoop(use, steps) : SmallStages.Of(use, steps);
        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject())
        {
            stage[key] = value?.DeepClone();
        }

        return StageRun.Run(stage, model: flow ? new JsonObject { ["use"] = "denoising-mlp", ["width"] = 16, ["process"] = new JsonObject { ["path"] = "flow" } } : null);
    }
}

/// <summary>The same score for every sample.</summary>
[Reward("small-constant")]
public sealed class SmallConstant : ISampleReward
{
    public Scores Score(Tensor samples, Tensor? conditions, RewardContext context) => new([.. Enumerable.Repeat(0.5, (int)samples.shape[0])]);
}
