using System.Text.Json.Nodes;
using Plumbline.Plugins.BranchGrpo;
using Plumbline.Training.Diffusion;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>Trees of samples, by themselves and in the loop of diffusion rollouts.</summary>
public sealed class BranchingTests
{
    [Fact]
    public void A_tree_has_each_state_once_and_costs_what_is_counted()
    {
        using var scope = NewDisposeScope();
        var options = new TreeSamplerOptions { NumInferenceSteps = 5, SplitPoints = [0, 2], Branching = 3, Sde = FlowSdeKind.Dance, TrainLastStep = true };
        using var model = new Halves();
        var sampler = new TreeSampler(options);
        var trees = sampler.Sample(model, new TrajectoryRequest { Conditions = tensor(new long[] { 1, 0 }), Draws = [new Draws(1), new Draws(2)] }, TestContext.Current.CancellationToken);
        var counts = Tree.Counts(new TreeOptions { SamplingSteps = 5, SplitPoints = [0, 2], Branching = 3 });
        Assert.Equal(9, sampler.GroupSize);
        Assert.Equal((2 * counts.Edges, 2 * counts.Leaves, 2 * counts.Evaluations), (trees.Parents.Count, trees.SampleGroups.Count, trees.Evaluations));
        Assert.Equal(trees.Parents.Count + 2, trees.States.shape[0]);
        Assert.Equal(trees.Children, trees.Children.Distinct());
        Assert.All(trees.Parents.Zip(trees.Children), edge => Assert.True(edge.First < edge.Second));
        Assert.Equal(Enumerable.Repeat(0, 9).Concat(Enumerable.Repeat(1, 9)), trees.SampleGroups);
        Assert.All(trees.Rows, row => Assert.Single(row));

        // At a split three children of one state, which differ; elsewhere one.
        Assert.All(trees.Parents.Select((parent, edge) => (parent, trees.Steps[edge])).GroupBy(edge => edge), parent => Assert.Equal(parent.Key.Item2 is 0 or 2 ? 3 : 1, parent.Count()));
        Assert.True((trees.States[trees.Children[0]] - trees.States[trees.Children[1]]).abs().max().ToDouble() > 0.01);

        // What is recorded is what is computed anew.
        Given.Same(trees.Logps, sampler.Densities(model, trees, [.. Enumerable.Range(0, trees.Parents.Count)]).Logps.detach());
    }

    [Fact]
    public void A_tree_depends_on_its_own_key_alone()
    {
        using var scope = NewDisposeScope();
        using var model = new Halves();
        var sampler = new TreeSampler(new TreeSamplerOptions { NumInferenceSteps = 3, SplitPoints = [0], Sde = FlowSdeKind.Dance });
        Tensor Samples(params Draws[] draws) => sampler.Sample(model, new TrajectoryRequest { Draws = draws }).Samples;
        Given.Same(Samples(new Draws(7)), Samples(new Draws(4), new Draws(7)).narrow(0, 2, 2));
    }

    [Fact]
    public void Several_trees_a_condition_are_a_multiple_of_their_leaves_and_without_noise_there_are_chains()
    {
        using var scope = NewDisposeScope();
        using var model = new Halves();
        var sampler = new TreeSampler(new TreeSamplerOptions { NumInferenceSteps = 3, SplitPoints = [1], Sde = FlowSdeKind.Dance });
        var request = new TrajectoryRequest { Draws = [new Draws(7)], Count = 4 };
        Assert.Equal(4, sampler.Sample(model, request, TestContext.Current.CancellationToken).Samples.shape[0]);
        Assert.Contains("branching", Assert.Throws<PlumblineException>(() => sampler.Sample(model, request with { Count = 3 }, TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
        var still = sampler.Sample(model, request with { Count = 3, Deterministic = true }, TestContext.Current.CancellationToken);
        Assert.Equal((3, 9L), (still.Leaves.Count, still.Evaluations));
        Assert.DoesNotContain(true, still.Trains);
    }

    [Fact]
    public void Mixed_steps_that_are_not_drawn_follow_the_flow()
    {
        using var scope = NewDisposeScope();
        using var model = new Halves();
        var sampler = new TreeSampler(new TreeSamplerOptions { NumInferenceSteps = 6, SplitPoints = [1], MixWindow = 1, MixInterval = 3, Sde = FlowSdeKind.Dance });
        var tree = sampler.Sample(model, new TrajectoryRequest { Draws = [new Draws(7)] }, TestContext.Current.CancellationToken);
        Assert.Equal(new[] { 0, 1, 3 }, tree.Steps.Where((_, edge) => tree.Trains[edge]).Distinct());
        // Of the velocity -x/2 a step of 1/6 makes x + x/12.
        var edge = Enumerable.Range(0, tree.Steps.Count).First(edge => tree.Steps[edge] == 2);
        Given.Same(tree.States[tree.Parents[edge]] * (13.0 / 12), tree.States[tree.Children[edge]]);
    }

    [Fact]
    public void In_a_stage_sampler_and_trainer_agree_and_the_metrics_tell_what_it_cost()
    {
        var told = Run(3, "{}");
        var counts = Tree.Counts(new TreeOptions { SamplingSteps = 5, SplitPoints = [0, 2] });
        Assert.All(told.Steps, step => Assert.InRange(step["sampler_gap"], 0, 1e-8));
        Assert.All(told.Steps, step => Assert.Equal((3.0 * counts.Evaluations, 3.0 * (counts.Edges - counts.Leaves)), (step["evaluations"], step["trained"])));
    }

    [Fact]
    public void Pruning_leaves_edges_out_of_the_update_and_not_out_of_the_tree()
    {
        var whole = Run(1, "{}").Steps[0];
        var pruned = Run(2, """{ "advantage": { "use": "branch-grpo", "pruning": { "depth_window": [3, 4], "width_mode": 0 }, "pruning_step_ratio": 0.4 } }""").Steps;
        Assert.Equal((whole["evaluations"], whole["trained"] - (3 * (4 + 4))), (pruned[0]["evaluations"], pruned[0]["trained"]));
        Assert.Equal(whole["trained"], pruned[1]["trained"]);
        var narrow = Run(1, """{ "advantage": { "use": "branch-grpo", "pruning": { "width_mode": 1 } } }""").Steps[0];
        // Below the last split each of 4 branches has one edge at depth 4 alone: depths 1 to 3 have 2 + 2 + 4, and each branch keeps its one.
        Assert.Equal(whole["trained"], narrow["trained"]);
        var few = Run(1, """{ "advantage": { "use": "branch-grpo", "pruning": { "width_mode": 2 } } }""").Steps[0];
        Assert.Equal(whole["trained"] - (3 * 2), few["trained"]);
    }

    [Fact]
    public void Of_samples_side_by_side_the_advantage_is_that_of_their_group()
    {
        const string Flat = """ "objective": "ddpo", "sampler": { "use": "diffusion", "num_inference_steps": 4, "group_size": 4, "shared_noise": true, "sde": "dance" } """;
        var tree = Run(3, "{" + Flat + """, "advantage": "branch-grpo" }""");
        var group = Run(3, "{" + Flat + """, "advantage": { "use": "group-relative", "std_ddof": 1, "std_epsilon": 1e-8 } }""");
        var mode = Run(3, "{" + Flat + """, "advantage": { "use": "branch-grpo", "group_mode": true } }""");
        foreach (var name in new[] { "loss", "grad_norm", "reward_mean" })
        {
            Assert.All(group.Steps.Zip(tree.Steps, mode.Steps), steps => Assert.Equal((0.0, 0.0), (Math.Round(steps.First[name] - steps.Second[name], 7), Math.Round(steps.First[name] - steps.Third[name], 7))));
        }
    }

    [Fact]
    public void Equal_rewards_teach_nothing_and_break_nothing() =>
        Assert.All(Run(2, """{ "rewards": ["small-constant"] }""").Steps, step => Assert.Equal((0, 0), (step["loss"], step["grad_norm"])));

    [Theory]
    [InlineData("""{ "sampler": { "use": "branching", "num_inference_steps": 3, "split_points": null, "split_rounds": 4 } }""", "split_rounds")]
    [InlineData("""{ "sampler": { "use": "branching", "num_inference_steps": 3, "split_points": [0], "sde": "dance", "eta": 0 } }""", "eta")]
    [InlineData("""{ "rewards": ["blob8-mass", "small-constant"] }""", "rewards")]
    [InlineData("""{ "objective": "ddpo", "sampler": "diffusion", "advantage": { "use": "branch-grpo", "pruning": { "width_mode": 1 } } }""", "branching")]
    public void What_can_not_be_is_refused_with_the_remedy(string more, string word) =>
        Assert.Contains(word, Assert.ThrowsAny<PlumblineException>(() => Run(1, more)).Message, StringComparison.Ordinal);

    private static StageRun.Told Run(int steps, string more)
    {
        var stage = SmallStages.Of("branch-grpo", steps);
        var changes = JsonNode.Parse(more)!.AsObject();
        if (changes.ContainsKey("objective"))
        {
            var model = SmallStages.Model(stage);
            stage["use"] = Loop.DiffusionRollouts;
            stage["advantage"] = "branch-grpo";
            Merge(stage, changes);
            return StageRun.Run(stage, model: model);
        }

        Merge(stage, changes);
        return StageRun.Run(stage);
    }

    private static void Merge(JsonObject stage, JsonObject changes)
    {
        foreach (var (key, value) in changes)
        {
            stage[key] = value?.DeepClone();
        }
    }

    /// <summary>A flow whose velocity is minus half the state, and half a class more where there is one.</summary>
    private sealed class Halves : IDiffusionModel
    {
        private readonly Weight _network = new();

        public NoiseProcess Process { get; } = new(new NoiseProcessOptions { Path = NoisePathKind.Flow });

        public int Classes => 2;

        public nn.Module Network => _network;

        public IReadOnlyList<long> SampleShape { get; } = [3];

        public Tensor Predict(Tensor noisy, Tensor time, Tensor? condition, Tensor? unconditional = null)
        {
            var velocity = _network.Half * -noisy;
            return condition is null ? velocity : velocity + (0.5 * condition.unsqueeze(1).to_type(ScalarType.Float64));
        }

        public IModel Freeze() => throw new NotSupportedException();

        public void Dispose() => _network.Dispose();

        private sealed class Weight : nn.Module
        {
            internal Weight()
                : base(nameof(Weight))
            {
                Half = new Parameter(tensor(0.5, dtype: ScalarType.Float64));
                register_parameter("half", Half);
            }

            internal Parameter Half { get; }
        }
    }
}
