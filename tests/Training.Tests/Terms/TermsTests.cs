using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class TermsTests
{
    [Theory]
    [InlineData(ReferenceKlEstimator.K1, 0.4)]
    [InlineData(ReferenceKlEstimator.K2, 0.08)]
    [InlineData(ReferenceKlEstimator.K3, 0.0703200460356393)]
    public void The_divergence_is_a_mean_over_tokens_and_counted_by_completions_too(ReferenceKlEstimator estimator, double kl)
    {
        using var scope = NewDisposeScope();
        var loss = new ReferenceKl(new ReferenceKlOptions { KlCoef = 0.5, Estimator = estimator }).Compute(Batch());
        Assert.Equal(0.5 * kl, loss.Value.ToDouble(), 1e-9);
        Assert.Equal(kl, loss.Tensor("kl").ToDouble(), 1e-9);
        // Three tokens in two completions.
        Assert.Equal(kl * 3 / 2, loss.Tensor("mean_kl").ToDouble(), 1e-9);
    }

    [Fact]
    public void The_reference_is_a_constant_and_padding_pulls_at_nothing()
    {
        using var scope = NewDisposeScope();
        var batch = Batch();
        var reference = batch.ReferenceLogps.requires_grad_();
        var loss = new ReferenceKl(new ReferenceKlOptions { KlCoef = 3, Estimator = ReferenceKlEstimator.K2 }).Compute(batch);
        var gradients = autograd.grad([loss.Value], [batch.Logps, reference], allow_unused: true);
        Assert.Null(gradients[1]);
        // 3 · d / 3 tokens.
        Assert.Equal([0.4, 0.4, 0.4, 0], gradients[0]!.reshape(-1).data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void The_entropy_bonus_is_minus_the_mean_entropy()
    {
        using var scope = NewDisposeScope();
        var batch = Batch();
        batch.With("entropies", tensor(new[] { 1.0, 2, 3, 9 }, [2, 2]).requires_grad_());
        var loss = new EntropyBonus(new EntropyBonusOptions { EntropyCoef = 0.5 }).Compute(batch);
        Assert.Equal(-1, loss.Value.ToDouble(), 1e-9);
        Assert.Equal(2, loss.Tensor("entropy").ToDouble(), 1e-9);
        Assert.Equal(-2, new EntropyBonus(new EntropyBonusOptions()).Compute((GroupBatch)batch.With("entropy_coef", 1.0)).Value.ToDouble(), 1e-9);
    }

    [Fact]
    public void A_controller_holds_the_divergence_by_steering_the_terms_weight()
    {
        using var tiny = new Tiny();
        new OnlineGroups(
            new OnlineGroupsOptions
            {
                Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient()),
                Terms = [Part<GroupObjective>.Of("reference-kl", new ReferenceKl(new ReferenceKlOptions { KlCoef = 0.1 }))],
                Controllers = [new SteeredCoefficient { Of = "kl_coef", By = Part<IController>.Of("adaptive-kl", new AdaptiveKl(new AdaptiveKlOptions { Metric = "reference-kl/mean_kl", Target = 1e-9, Horizon = 100 })) }],
                Rewards = [Scoring.LikesA],
                Sampler = Tiny.Sampler(),
                Data = Tiny.Words(),
                Steps = 4,
                PromptsPerStep = 2,
                LearningRate = 0.01,
            },
            tiny.Stage).Run(CancellationToken.None);
        var metrics = tiny.Recorder.Metrics;
        // At first policy and reference are equal, then the divergence is far above its target: up by 0.2 · 8/100 at each update.
        Assert.Equal([0.1, 0.1 * (1 - (0.2 * 0.08)), 0.1 * (1 - (0.2 * 0.08)) * (1 + (0.2 * 0.08))], metrics.Take(3).Select(step => step["kl_coef"]), (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.True(metrics[3]["reference-kl/mean_kl"] > 1e-9);
    }

    /// <summary>d is 0.4 at each of three tokens; the fourth is padding.</summary>
    private static GroupBatch Batch() => new()
    {
        ["logps"] = tensor(new[] { -1.0, -1, -1, 0 }, [2, 2]).requires_grad_(),
        ["reference_logps"] = tensor(new[] { -1.4, -1.4, -1.4, 5 }, [2, 2]),
        ["mask"] = tensor(new[] { 1.0, 1, 1, 0 }, [2, 2]),
    };
}
