using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>What holds of schedules, paths and steps whatever the numbers.</summary>
public sealed class DiffusionLaws
{
    private const double Rounding = 1e-9;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 5)];

    public static TheoryData<NoisePathKind, PredictionKind> Predictions => new()
    {
        { NoisePathKind.Diffusion, PredictionKind.Epsilon }, { NoisePathKind.Diffusion, PredictionKind.Sample }, { NoisePathKind.Diffusion, PredictionKind.VPrediction },
        { NoisePathKind.Flow, PredictionKind.Epsilon }, { NoisePathKind.Flow, PredictionKind.Sample }, { NoisePathKind.Flow, PredictionKind.Velocity },
    };

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Ddim_with_eta_1_is_ddpm_with_the_small_variance(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var (now, before) = any.Timesteps();
        foreach (var kind in new[] { PredictionKind.Epsilon, PredictionKind.Sample, PredictionKind.VPrediction })
        {
            var (prediction, noisy, at, to) = (any.Images(), any.Images(), any.Schedule.AlphaBar(now), any.Schedule.AlphaBar(before));
            var ddim = DiffusionSteps.Ddim(prediction, noisy, at, to, eta: 1, kind);
            var ddpm = DiffusionSteps.Ddpm(prediction, noisy, at, to, DdpmVariance.FixedSmall, kind);
            Assert.InRange(Denoising.Gap(ddim.Mean, ddpm.Mean), 0, Rounding);
            Assert.InRange(Denoising.Gap(ddim.Std, ddpm.Std), 0, Rounding);
            Assert.True(ddim.Std.min().ToDouble() > 0);
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_step_to_the_clean_end_gives_the_clean_sample_and_no_noise(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var (prediction, noisy, at, end) = (any.Images(), any.Images(), any.Schedule.AlphaBar([7, 3, 0]), any.Schedule.AlphaBar([-1, -1, -1]));
        var ddim = DiffusionSteps.Ddim(prediction, noisy, at, end, eta: 1);
        Assert.InRange(Denoising.Gap(ddim.Clean!, ddim.Mean), 0, Rounding);
        Assert.Equal(0, ddim.Std.max().ToDouble());
        var ddpm = DiffusionSteps.Ddpm(prediction, noisy, at, end, DdpmVariance.FixedLarge);
        Assert.InRange(Denoising.Gap(ddpm.Clean!, ddpm.Mean), 0, Rounding);
        Assert.Equal(0, ddpm.Std.max().ToDouble());
        var refused = Assert.Throws<InvalidInputException>(() => ddim.LogDensity(noisy));
        Assert.Contains("std", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Predictions))]
    public void A_right_prediction_gives_back_sample_and_noise(NoisePathKind path, PredictionKind kind)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(11);
        var (clean, noise) = (any.Images(), any.Images());
        var level = path == NoisePathKind.Flow ? NoiseLevel.Flow(tensor(new[] { 0.2, 0.5, 0.9 })) : NoiseLevel.Diffusion(any.Schedule.AlphaBar([3, 20, 39]));
        var (gotClean, gotNoise) = level.Convert(kind, level.Target(kind, clean, noise), level.AddNoise(clean, noise));
        Assert.InRange(Denoising.Gap(clean, gotClean), 0, Rounding);
        Assert.InRange(Denoising.Gap(noise, gotNoise), 0, Rounding);
    }

    [Theory]
    [InlineData(NoisePathKind.Diffusion, PredictionKind.Velocity)]
    [InlineData(NoisePathKind.Flow, PredictionKind.VPrediction)]
    public void A_prediction_that_does_not_belong_to_the_path_is_refused(NoisePathKind path, PredictionKind kind)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(1);
        var level = path == NoisePathKind.Flow ? NoiseLevel.Flow(full(3, 0.5, ScalarType.Float64)) : NoiseLevel.Diffusion(any.Schedule.AlphaBar([1, 2, 3]));
        Assert.Contains("prediction", Assert.Throws<InvalidInputException>(() => level.Convert(kind, any.Images(), any.Images())).Message, StringComparison.Ordinal);
        Assert.NotEmpty(new NoiseProcessOptions { Path = path, Prediction = kind }.Check());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Eulers_steps_with_the_true_velocity_lead_back_to_the_sample(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var (clean, noise) = (any.Images(), any.Images());
        var x = noise;
        var sigmas = FlowGrid.Sigmas(new FlowGridOptions { NumInferenceSteps = 4, Shift = 2.5 });
        for (var j = 0; j < 4; j++)
        {
            x = DiffusionSteps.FlowEuler(noise - clean, x, full(3, sigmas[j], ScalarType.Float64), full(3, sigmas[j + 1], ScalarType.Float64));
        }

        Assert.InRange(Denoising.Gap(clean, x), 0, Rounding);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_density_is_a_normal_one_and_its_gradient_goes_through_the_mean_alone(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var (sample, mean, std) = (any.Images().requires_grad_(), any.Images().requires_grad_(), tensor(new[] { 0.1, 1, 3 }));
        var sum = GaussianDensity.Of(sample, mean, std, DensityReduction.Sum);
        var one = -0.5 * ((sample - mean) / Coefficients.Over(std, mean)).square() - Coefficients.Over(std, mean).log() - (0.5 * Math.Log(2 * Math.PI));
        Assert.InRange(Denoising.Gap(one.flatten(1).sum(1), sum), 0, Rounding);
        Assert.InRange(Denoising.Gap(one.flatten(1).mean([1]), GaussianDensity.Of(sample, mean, std)), 0, Rounding);
        var gradients = autograd.grad([sum.sum()], [sample, mean], allow_unused: true);
        Assert.Null(gradients[0]);
        Assert.InRange(Denoising.Gap((sample - mean).detach() / Coefficients.Over(std, mean).square(), gradients[1]!), 0, Rounding);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Guidance_of_1_is_the_condition_of_0_is_none_and_rescaling_keeps_the_spread(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var (with, without) = (any.Images(), any.Images());
        Assert.InRange(Denoising.Gap(with, Guidance.Combine(with, without, 1)), 0, Rounding);
        Assert.InRange(Denoising.Gap(without, Guidance.Combine(with, without, 0)), 0, Rounding);
        var rescaled = Guidance.Combine(with, without, 5, rescale: 1);
        Assert.InRange(Denoising.Gap(with.flatten(1).std(1), rescaled.flatten(1).std(1)), 0, Rounding);
    }

    [Theory]
    [InlineData(TimestepSpacing.Leading)]
    [InlineData(TimestepSpacing.Trailing)]
    [InlineData(TimestepSpacing.Linspace)]
    public void A_grid_goes_down_from_step_to_step_to_the_clean_end(TimestepSpacing spacing)
    {
        foreach (var steps in new[] { 1, 7, 33, 100 })
        {
            var grid = TimestepGrid.Create(new TimestepGridOptions { NumTrainTimesteps = 100, NumInferenceSteps = steps, Spacing = spacing });
            Assert.Equal(steps, grid.Timesteps.Count);
            Assert.Equal([.. grid.Timesteps.Skip(1), -1], grid.PrevTimesteps);
            Assert.All(grid.Timesteps.Zip(grid.PrevTimesteps), pair => Assert.True(pair.First > pair.Second && pair.First < 100));
        }
    }

    [Fact]
    public void A_grid_may_end_at_timestep_0_and_then_every_step_has_a_density()
    {
        using var scope = NewDisposeScope();
        var process = new NoiseProcess(new NoiseProcessOptions { NumTrainTimesteps = 100, BetaStart = 1e-3, BetaEnd = 0.1 });
        var grid = SamplingGrid.Create(process, new SamplingGridOptions { NumInferenceSteps = 10, EndAtZero = true });
        int[] all = [.. Enumerable.Range(0, 10)];
        Assert.Equal(process.Schedule!.AlphaBar(0), grid.PreviousAlphaBars(all)[9].ToDouble());
        Assert.Equal(0.99, grid.Times(all)[0].ToDouble());
        var zero = zeros([10, 2], ScalarType.Float64);
        Assert.True(DiffusionSteps.Ddim(zero, zero, grid.AlphaBars(all), grid.PreviousAlphaBars(all), eta: 1).Std.min().ToDouble() > 0);
        var refused = Assert.Throws<InvalidInputException>(() => TimestepGrid.Create(new TimestepGridOptions { NumTrainTimesteps = 100, NumInferenceSteps = 10 }).EndingAtZero());
        Assert.Contains("timesteps", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_belongs_to_the_other_path_is_refused()
    {
        using var scope = NewDisposeScope();
        var (diffusion, flow) = (new NoiseProcess(new NoiseProcessOptions()), new NoiseProcess(new NoiseProcessOptions { Path = NoisePathKind.Flow }));
        Assert.Throws<InvalidInputException>(() => SamplingGrid.Create(diffusion, new SamplingGridOptions { Shift = 3 }));
        Assert.Throws<InvalidInputException>(() => SamplingGrid.Create(flow, new SamplingGridOptions { EndAtZero = true }));
        Assert.Throws<InvalidInputException>(() => SamplingGrid.Create(diffusion, new SamplingGridOptions()).Sigmas([0]));
        Assert.Throws<InvalidInputException>(() => SamplingGrid.Create(flow, new SamplingGridOptions()).AlphaBars([0]));
        Assert.Throws<InvalidInputException>(() => diffusion.At([0.5]));
        Assert.Throws<InvalidInputException>(() => flow.At([3L]));
        Assert.NotEmpty(new NoiseProcessOptions { Path = NoisePathKind.Flow, BetaEnd = 0.1 }.Check());
        Assert.NotEmpty(new NoiseProcessOptions { ZeroTerminalSnr = true }.Check());
        Assert.Empty(new NoiseProcessOptions { ZeroTerminalSnr = true, Prediction = PredictionKind.VPrediction }.Check());
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Min_snr_weighs_the_error_of_the_clean_sample_alike_whatever_is_predicted(int seed)
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(seed);
        var alphaBar = any.Schedule.AlphaBar([2, 17, 39]);
        var snr = alphaBar / (1 - alphaBar);
        // An error of one of the three is an error of x_0 times 1, √snr or √(snr+1).
        var ofSample = DenoisingLoss.MinSnr(alphaBar, PredictionKind.Sample, 5);
        Assert.InRange(Denoising.Gap(ofSample, DenoisingLoss.MinSnr(alphaBar, PredictionKind.Epsilon, 5) * snr), 0, Rounding);
        Assert.InRange(Denoising.Gap(ofSample, DenoisingLoss.MinSnr(alphaBar, PredictionKind.VPrediction, 5) * (snr + 1)), 0, Rounding);
        Assert.InRange(ofSample.max().ToDouble(), 0, 5);
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Merged_weights_do_what_layer_and_adapter_do(int seed)
    {
        using var scope = NewDisposeScope();
        var draws = new Draws(seed);
        Tensor Normal(string name, params long[] shape) => NormalNoise.Of([draws.Key(name)], shape, ScalarType.Float64).squeeze(0);
        var (x, w, a, b) = (Normal("x", 4, 5), Normal("w", 3, 5), Normal("a", 2, 5), Normal("b", 3, 2));
        Assert.InRange(Denoising.Gap(x.matmul(w.t()) + LowRank.Change(x, a, b, 0.7), x.matmul(LowRank.Merged(w, a, b, 0.7).t())), 0, Rounding);
    }

    [Fact]
    public void Noise_of_a_row_depends_on_its_key_alone_and_is_standard_normal()
    {
        using var scope = NewDisposeScope();
        Draws[] keys = [.. Enumerable.Range(0, 500).Select(row => new Draws(3).Key(row))];
        var together = NormalNoise.Of(keys, [5, 3], ScalarType.Float64);
        Assert.Equal(0, Denoising.Gap(together.narrow(0, 7, 2), NormalNoise.Of(keys[7..9], [5, 3], ScalarType.Float64)));
        Assert.InRange(Denoising.Gap(together, NormalNoise.Of(keys, [5, 3], ScalarType.Float32)), 0, 1e-6);
        Assert.InRange(together.mean().ToDouble(), -0.05, 0.05);
        Assert.InRange(together.square().mean().ToDouble(), 0.95, 1.05);
        Assert.InRange(together.pow(4).mean().ToDouble(), 2.6, 3.4);
        // Neighbours share a pair of draws, and are independent all the same.
        Assert.InRange((together.flatten(1).narrow(1, 0, 14) * together.flatten(1).narrow(1, 1, 14)).mean().ToDouble(), -0.05, 0.05);
    }

    [Fact]
    public void Half_precision_is_widened_before_a_density()
    {
        using var scope = NewDisposeScope();
        var any = new Denoising(2);
        var (sample, mean) = (any.Images().to_type(ScalarType.BFloat16), any.Images().to_type(ScalarType.BFloat16));
        var logps = GaussianDensity.Of(sample, mean, full(3, 0.1, ScalarType.Float64));
        Assert.Equal(ScalarType.Float32, logps.dtype);
        var step = DiffusionSteps.Ddim(mean, sample, any.Schedule.AlphaBar([9, 9, 9]), any.Schedule.AlphaBar([5, 5, 5]), 1);
        Assert.Equal((ScalarType.Float32, ScalarType.Float32), (step.Mean.dtype, step.Std.dtype));
    }
}
