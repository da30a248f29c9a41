using Plumbline.Plugins.Blobs;
using Plumbline.Plugins.Shapes;
using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class DenoisingLoopTests
{
    public static TheoryData<string> Paths => ["epsilon", "sample", "v", "velocity"];

    [Theory]
    [MemberData(nameof(Paths))]
    public void The_error_falls_on_every_path_whatever_is_predicted(string path)
    {
        using var painter = new Painter(process: Process(path));
        painter.Learn(60);
        var losses = painter.Recorder.Metrics.Select(metrics => metrics["loss"]).ToArray();
        Assert.True(losses[^10..].Average() < 0.8 * losses[..5].Average(), $"{losses[..5].Average()} to {losses[^10..].Average()}");
        Assert.All(painter.Recorder.Metrics, metrics => Assert.True(metrics["grad_norm"] > 0));
    }

    [Fact]
    public void The_same_seed_gives_the_same_numbers_and_another_one_others()
    {
        string[] Lines(long seed)
        {
            using var painter = new Painter(seed: seed);
            painter.Learn(4);
            return [.. painter.Recorder.Lines];
        }

        Assert.Equal(Lines(3), Lines(3));
        Assert.NotEqual(Lines(3), Lines(4));
    }

    [Fact]
    public void The_number_of_live_tensors_does_not_grow_with_the_steps()
    {
        using var painter = new Painter();
        painter.Learn(8, options => options with { EmaDecay = 0.9 });
        Assert.InRange(painter.Recorder.LiveTensors[^1], 0, painter.Recorder.LiveTensors[2]);
    }

    [Fact]
    public void A_cancelled_stage_ends_at_the_step_boundary()
    {
        using var source = new CancellationTokenSource();
        using var painter = new Painter { OnStep = step => { if (step == 1) { source.Cancel(); } } };
        painter.Learn(5, cancel: source);
        Assert.Equal(2, painter.Recorder.Lines.Count);
    }

    [Fact]
    public void The_loop_runs_in_bfloat16()
    {
        using var painter = new Painter(dtype: ScalarType.BFloat16);
        painter.Learn(2);
        Assert.All(painter.Recorder.Metrics, metrics => Assert.True(double.IsFinite(metrics["loss"])));
    }

    [Fact]
    public void The_average_of_the_weights_is_what_the_stage_leaves()
    {
        using var scope = NewDisposeScope();
        using var plain = new Painter();
        using var averaged = new Painter();
        var start = plain.Policy.Network.parameters().Select(parameter => parameter.detach().clone()).ToArray();
        plain.Learn(1);
        averaged.Learn(1, options => options with { EmaDecay = 0.75 });
        foreach (var (before, (after, average)) in start.Zip(plain.Policy.Network.parameters().Zip(averaged.Policy.Network.parameters())))
        {
            Assert.InRange(Painter.Gap((0.75 * before) + (0.25 * after), average), 0, 1e-6);
        }

        Assert.Equal(plain.Recorder.Lines, averaged.Recorder.Lines);
    }

    [Fact]
    public void Without_dropout_the_row_of_no_condition_does_not_train()
    {
        using var scope = NewDisposeScope();
        foreach (var share in new[] { 0.0, 0.5 })
        {
            using var painter = new Painter();
            Tensor None() => painter.Policy.Network.get_parameter("classes")![4].detach().clone();
            var before = None();
            painter.Learn(1, options => options with { ConditionDropout = share });
            Assert.Equal(share > 0, Painter.Gap(before, None()) > 0);
        }
    }

    [Fact]
    public void Weights_by_noise_are_told_and_refused_on_the_path_flow()
    {
        var weighted = Part<DenoisingObjective>.Of("denoising-loss", new DenoisingError(new DenoisingErrorOptions { Weighting = DenoisingWeighting.MinSnr }));
        using var painter = new Painter();
        painter.Learn(1, options => options with { Objective = weighted });
        Assert.InRange(painter.Recorder.Metrics[0]["weights"], 0.01, 0.999);
        Assert.True(painter.Recorder.Metrics[0]["loss"] < painter.Recorder.Metrics[0]["mean_square_error"]);
        using var flow = new Painter(process: Process("velocity"));
        Assert.Throws<InvalidInputException>(() => flow.Learn(1, options => options with { Objective = weighted }));
    }

    [Fact]
    public void Data_that_does_not_fit_the_model_is_refused()
    {
        using var painter = new Painter();
        var shape = Assert.Throws<PlumblineException>(() => painter.Learn(1, options => options with { Data = Part<ITensorData>.Of("shapes16", new Shapes(new ShapesOptions { Count = 8 })) }));
        Assert.Contains("sample_shape", shape.Message, StringComparison.Ordinal);
        var condition = Assert.Throws<PlumblineException>(() => painter.Learn(1, options => options with { Data = Part<ITensorData>.Of("plain", new Plain(4)) }));
        Assert.Contains("condition", condition.Message, StringComparison.Ordinal);
        var none = Assert.Throws<PlumblineException>(() => painter.Learn(1, options => options with { Data = Part<ITensorData>.Of("plain", new Plain(0)) }));
        Assert.Contains("no rows", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sample_depends_on_its_own_key_alone()
    {
        using var painter = new Painter(dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        foreach (var options in new[] { new DiffusionSamplerOptions { Eta = 1 }, new DiffusionSamplerOptions { GuidanceScale = 3 } })
        {
            var classes = arange(4, dtype: ScalarType.Int64);
            Draws[] keys = [.. Enumerable.Range(0, 4).Select(row => new Draws(1).Key(row))];
            var all = DiffusionSampler.Sample(painter.Policy, options, classes, keys, ScalarType.Float64);
            var two = DiffusionSampler.Sample(painter.Policy, options, classes.narrow(0, 2, 2), keys[2..], ScalarType.Float64);
            Assert.InRange(Painter.Gap(all.narrow(0, 2, 2), two), 0, 1e-9);
            Assert.False(all.requires_grad);
        }
    }

    [Fact]
    public void Evaluations_of_the_network_are_counted_and_a_guided_row_counts_twice()
    {
        using var painter = new Painter();
        using var scope = NewDisposeScope();
        Draws[] keys = [.. Enumerable.Range(0, 3).Select(row => new Draws(1).Key(row))];
        var grid = SamplingGrid.Create(painter.Policy.Process, new SamplingGridOptions { NumInferenceSteps = 5 });
        var (plain, guided) = (new Denoiser(painter.Policy), new Denoiser(painter.Policy, 2));
        foreach (var denoiser in new[] { plain, guided })
        {
            DiffusionSampler.Sample(denoiser, grid, zeros(3, ScalarType.Int64), keys, ScalarType.Float32);
        }

        Assert.Equal((15, 30), (plain.Evaluations, guided.Evaluations));
    }

    [Fact]
    public void Guidance_without_gradient_through_the_unconditional_half_has_the_same_value()
    {
        using var painter = new Painter(dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        painter.Learn(1);
        var (noisy, time, classes) = (NormalNoise.Of([new Draws(1), new Draws(2)], [1, 8, 8], ScalarType.Float64), tensor(new[] { 0.2, 0.9 }), tensor(new long[] { 0, 3 }));
        var (whole, half) = (new Denoiser(painter.Policy, 4).Predict(noisy, time, classes), new Denoiser(painter.Policy, 4, detachUnconditional: true).Predict(noisy, time, classes));
        Assert.InRange(Painter.Gap(whole, half), 0, 1e-9);
        var none = painter.Policy.Network.get_parameter("classes")!;
        Assert.True(autograd.grad([whole.sum()], [none], retain_graph: true)[0]![4].abs().max().ToDouble() > 0);
        Assert.Equal(0, autograd.grad([half.sum()], [none])[0]![4].abs().max().ToDouble());
    }

    [Fact]
    public void Sample_quality_tells_each_reward_and_leaves_a_picture()
    {
        using var painter = new Painter();
        painter.Learn(1);
        var options = new SampleQualityOptions
        {
            Rewards = [Part<ISampleReward>.Of("blob8-mass", new BlobMass()), Part<ISampleReward>.Of("blob8-fidelity", new BlobFidelity())],
            Count = 10,
            BatchSize = 4,
            Samples = 6,
            Sampler = new DiffusionSamplerOptions { NumInferenceSteps = 3 },
        };
        var first = new SampleQuality(options).Evaluate(painter.Stage, CancellationToken.None);
        Assert.Equal(["blob8-mass", "blob8-fidelity"], first.Keys);
        Assert.True(File.Exists(Path.Combine(painter.Run.Folder, "samples", "stage.png")));
        var named = new SampleQuality(options with { Name = "again", BatchSize = 10, Samples = 0 }).Evaluate(painter.Stage, CancellationToken.None);
        Assert.Equal(first["blob8-mass"], named["again-blob8-mass"], 1e-5);
        Assert.Single(Directory.GetFiles(Path.Combine(painter.Run.Folder, "samples")));
    }

    /// <summary>The figures of the baseline, with fewer steps than it has.</summary>
    [Fact]
    public void A_base_model_learns_to_draw_blobs_and_guidance_puts_them_where_they_were_asked_for()
    {
        using var painter = new Painter();
        using var scope = NewDisposeScope();
        painter.Run.Models.Set("policy", new Plumbline.Plugins.DenoisingMlp.DenoisingMlp(new() { Process = Painter.Process }, painter.Run));
        painter.Learn(2400, options => options with
        {
            Data = Part<ITensorData>.Of("blob8", new Blobs(new BlobsOptions { Count = 8192 })),
            BatchSize = 128,
            Optimizer = OptimizerKind.Adam,
            LearningRate = 2e-3,
            Schedule = ScheduleKind.Cosine,
        });
        var measured = Measure(new DiffusionSamplerOptions { Eta = 1, EndAtZero = true });
        Assert.InRange(measured["blob8-mass"], 1.2 * 0.85, 1.2 * 1.15);
        Assert.InRange(measured["blob8-prompt-ok"], 0.95 * 0.85, 1);
        Assert.InRange(measured["blob8-fidelity"], -0.035, 0);
        Assert.InRange(Measure(new DiffusionSamplerOptions { GuidanceScale = 2 })["blob8-prompt-ok"], 0.97, 1);

        IReadOnlyDictionary<string, double> Measure(DiffusionSamplerOptions sampler) => new SampleQuality(new SampleQualityOptions
        {
            Rewards = [Part<ISampleReward>.Of("blob8-mass", new BlobMass()), Part<ISampleReward>.Of("blob8-prompt-ok", new BlobPromptOk()), Part<ISampleReward>.Of("blob8-fidelity", new BlobFidelity())],
            Count = 256,
            Samples = 0,
            Sampler = sampler,
        }).Evaluate(painter.Stage, CancellationToken.None);
    }

    private static NoiseProcessOptions Process(string predicted) => predicted switch
    {
        "velocity" => new NoiseProcessOptions { Path = NoisePathKind.Flow },
        "v" => Painter.Process with { Prediction = PredictionKind.VPrediction },
        "sample" => Painter.Process with { Prediction = PredictionKind.Sample },
        _ => Painter.Process,
    };

    /// <summary>Black images without a condition.</summary>
    private sealed class Plain(int rows) : ITensorData
    {
        public TensorSet Load(RunContext run) => new(new Dictionary<string, Tensor> { ["clean"] = zeros(rows, 1, 8, 8) });
    }
}
