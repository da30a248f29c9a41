using System.Text.Json.Nodes;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>The loop of diffusion pairs on a small perceptron in float64.</summary>
public sealed class DiffusionPairsTests
{
    [Fact]
    public void At_the_first_update_policy_and_reference_agree_and_then_the_policy_learns()
    {
        var told = Run(40, """{ "learning_rate": 0.003, "warmup_steps": 0, "beta": 200 }""");
        Assert.Equal(Math.Log(2), told.Steps[0]["loss"], 1e-12);
        Assert.Equal(told.Steps[0]["reference_error"], told.Steps[0]["policy_error"], 1e-12);
        Assert.True(told.Steps.TakeLast(10).Average(step => step["loss"]) < 0.6, "the loss has not fallen");
        Assert.True(told.Steps.TakeLast(10).Average(step => step["implicit_accuracy"]) > 0.7);
    }

    [Fact]
    public void Twins_with_one_noise_can_not_be_told_apart_and_with_their_own_they_can()
    {
        Assert.All(Run(3, """{ "data": { "use": "small-sample-pairs", "twins": true }, "warmup_steps": 0, "learning_rate": 0.01 }""").Steps, step => Assert.Equal(Math.Log(2), step["loss"], 1e-12));
        Assert.NotEqual(Math.Log(2), Run(3, """{ "data": { "use": "small-sample-pairs", "twins": true }, "shared_noise": false, "warmup_steps": 0, "learning_rate": 0.01 }""").Steps[^1]["loss"], 1e-6);
    }

    [Fact]
    public void A_condition_that_is_always_dropped_is_none()
    {
        const string More = """, "warmup_steps": 0, "learning_rate": 0.01 }""";
        var dropped = Run(3, """{ "data": "small-sample-pairs", "condition_dropout": 1""" + More);
        Assert.Equal(Run(3, """{ "data": { "use": "small-sample-pairs", "conditions": false }""" + More).Lines, dropped.Lines);
        Assert.NotEqual(Run(3, """{ "data": "small-sample-pairs" """ + More).Lines, dropped.Lines);
    }

    [Fact]
    public void The_weight_by_time_reads_the_schedule_of_the_models_process()
    {
        Assert.All(Run(3, """{ "time_weight": "truncated_snr" }""").Steps, step => Assert.True(step["loss"] > 0));
        Assert.Contains("alphas_cumprod", Assert.ThrowsAny<PlumblineException>(() => Run(1, """{ "time_weight": "snr" }""", flow: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_flow_is_learnt_from_alike() => Assert.Equal(Math.Log(2), Run(2, "{}", flow: true).Steps[0]["loss"], 1e-12);

    [Fact]
    public void Its_strength_can_be_steered()
    {
        var told = Run(5, """{ "controllers": [{ "of": "beta", "by": { "use": "grpo-d", "beta_min": 10, "beta_max": 50, "exploration_fraction": 0.5 } }] }""");
        Assert.Equal(30, told.Steps[0]["beta"]);
        Assert.True(told.Steps[2]["beta"] < 30);
    }

    [Fact]
    public void Where_nothing_has_changed_the_held_out_pairs_and_samples_are_ties()
    {
        var told = Run(2, """
            { "learning_rate": 1e-30, "warmup_steps": 0, "observers": [
              { "use": "small-evaluation", "evaluation": { "use": "diffusion-pair-accuracy", "data": { "use": "small-sample-pairs" }, "batch_size": 3, "times": 2 } },
              { "use": "small-evaluation", "evaluation": { "use": "sample-win-rate", "reward": "blob8-mass", "count": 8, "batch_size": 5, "sampler": { "num_inference_steps": 2 } } }] }
            """).Steps[^1];
        Assert.Equal((0.5, 0.5), (told["implicit_accuracy"], told["win_rate"]));
        Assert.Equal(told["reference_error"], told["policy_error"], 1e-12);
    }

    [Fact]
    public void Held_out_pairs_are_always_measured_at_the_same_times_and_noise()
    {
        var told = Run(30, """
            { "learning_rate": 0.003, "warmup_steps": 0, "beta": 200, "observers": [
              { "use": "small-evaluation", "evaluation": { "use": "diffusion-pair-accuracy", "name": "held_out_accuracy", "data": { "use": "diffusion-dpo", "samples": { "use": "blob8", "count": 32, "held_out": 64 }, "reward": "blob8-mass" } } }] }
            """);
        Assert.Single(told.Steps.Select(step => step["reference_error"]).Distinct());
        Assert.True(told.Steps[^1]["held_out_accuracy"] > 0.6);
    }

    [Fact]
    public void Feedback_makes_pairs_of_one_condition_of_which_the_better_scores_higher()
    {
        using var scope = NewDisposeScope();
        var run = new RunContext { Name = "small", Folder = ".", BaseFolder = ".", Seed = 3, Device = CPU, Dtype = ScalarType.Float64 };
        var services = new Services(run);
        using var samples = StageRun.Bind<ITensorData>(Json("""{ "use": "blob8", "count": 41, "held_out": 9 }""")).Create(services).Load(run);
        using var pairs = StageRun.Bind<ITensorData>(Json("""{ "use": "diffusion-dpo", "samples": { "use": "blob8", "count": 41, "held_out": 9 }, "reward": "blob8-mass" }""")).Create(services).Load(run);
        var reward = StageRun.Bind<ISampleReward>(Json("""{ "use": "blob8-mass" }""")).Create(services);
        double[] Scores(string column) => reward.Score(pairs.Column(column), pairs.Column("condition"), new RewardContext(0, 0, default)).Values;
        Assert.All(Scores("chosen").Zip(Scores("rejected")), pair => Assert.True(pair.First > pair.Second));

        // Every sample at most once, and with its own condition.
        var quadrant = StageRun.Bind<ISampleReward>(Json("""{ "use": "blob8-prompt-ok" }""")).Create(services);
        double Right(TensorSet set, string column) => quadrant.Score(set.Column(column), set.Column("condition"), new RewardContext(0, 0, default)).Values.Sum();
        Assert.InRange(pairs.Rows, 19, 20);
        Assert.InRange(Right(samples, "clean") - Right(pairs, "chosen") - Right(pairs, "rejected"), 0, 41 - (2 * pairs.Rows));
        Assert.InRange(pairs.HeldOutRows, 3, 4);
    }

    [Fact]
    public void A_stage_that_is_run_again_has_the_same_numbers() => Assert.Equal(Run(3, "{}").Lines, Run(3, "{}").Lines);

    [Theory]
    [InlineData("""{ "data": "blob8" }""", "chosen")]
    [InlineData("""{ "data": { "use": "small-sample-pairs", "conditions": false }, "condition_dropout": 0.2 }""", "condition_dropout")]
    [InlineData("""{ "data": { "use": "small-sample-pairs", "side": 4 } }""", "shape")]
    [InlineData("""{ "data": { "use": "diffusion-dpo", "samples": { "use": "small-sample-pairs", "twins": true }, "reward": "blob8-mass" } }""", "alike")]
    [InlineData("""{ "data": { "use": "diffusion-dpo", "samples": { "use": "blob8", "count": 1 }, "reward": "blob8-mass" } }""", "no two samples")]
    [InlineData("""{ "beta": 0 }""", "beta")]
    public void What_can_not_be_is_refused_with_the_remedy(string more, string word) =>
        Assert.Contains(word, Assert.ThrowsAny<PlumblineException>(() => Run(1, more)).Message, StringComparison.Ordinal);

    private static StageRun.Told Run(int steps, string more, bool flow = false)
    {
        var stage = SmallStages.Of("diffusion-dpo", steps);
        foreach (var (key, value) in Json(more))
        {
            stage[key] = value?.DeepClone();
        }

        return StageRun.Run(stage, model: flow ? Json("""{ "use": "denoising-mlp", "width": 16, "process": { "path": "flow" } }""") : null);
    }

    private static JsonObject Json(string text) => JsonNode.Parse(text)!.AsObject();

    private sealed class Services(RunContext run) : IServiceProvider
    {
        public object? GetService(Type serviceType) => serviceType == typeof(RunContext) ? run : serviceType == typeof(IServiceProvider) ? this : null;
    }
}

/// <summary>Options of <c>small-sample-pairs</c>.</summary>
public sealed record SmallSamplePairsOptions
{
    /// <summary>Whether both members of a pair are one sample.</summary>
    public bool Twins { get; init; }

    /// <summary>Whether there are conditions.</summary>
    public bool Conditions { get; init; } = true;

    /// <summary>Pixels a side.</summary>
    public int Side { get; init; } = 8;
}

/// <summary>Eight pairs of pictures, bright ones and dark ones.</summary>
[Data("small-sample-pairs")]
public sealed class SmallSamplePairs(SmallSamplePairsOptions options) : ITensorData
{
    public TensorSet Load(RunContext run) => new(Rows(), Rows());

    private Dictionary<string, Tensor> Rows()
    {
        var dark = (arange(8 * options.Side * options.Side, float64).remainder(7) / 7).reshape(8, 1, options.Side, options.Side) - 0.9;
        var rows = new Dictionary<string, Tensor> { ["chosen"] = options.Twins ? dark.clone() : dark + 0.5, ["rejected"] = dark };
        if (options.Conditions)
        {
            rows["condition"] = arange(8, int64).remainder(4);
        }

        return rows;
    }
}

/// <summary>Options of <c>small-evaluation</c>.</summary>
public sealed record SmallEvaluationOptions
{
    /// <summary>What is measured.</summary>
    public required Part<IEvaluation> Evaluation { get; init; }
}

/// <summary>Puts an evaluation's results among the metrics of every step.</summary>
[Observer("small-evaluation")]
public sealed class SmallEvaluation(SmallEvaluationOptions options, StageContext stage) : IObserver
{
    private readonly IEvaluation _evaluation = options.Evaluation.Create(stage.Services);

    public IReadOnlyDictionary<string, double> Measure(int step) => _evaluation.Evaluate(stage, CancellationToken.None);

    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;
}
