using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Options of <c>quantile-q</c>.</summary>
public sealed record QuantileQOptions
{
    /// <summary>The discount.</summary>
    [Interval(0, 1, AboveFrom = true)]
    public double Gamma { get; init; } = 0.99;

    /// <summary>Where the loss becomes linear; 0: it is everywhere.</summary>
    [NonNegative]
    public double Kappa { get; init; } = 1.0;
}

/// <summary>Q-learning of the return's quantiles (QR-DQN, arXiv 1710.10044): greedy in the mean, without a stock. With one particle it is Q-learning.</summary>
[Objective("quantile-q")]
public sealed class QuantileQ(QuantileQOptions options) : ReplayObjective
{
    /// <inheritdoc/>
    public override Tensor Greedy(Tensor particles, Tensor stocks) => (particles ?? throw new ArgumentNullException(nameof(particles))).mean([2]).argmax(1);

    /// <inheritdoc/>
    public override Loss Compute(ReplayBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameRows("particles", "next_particles", "actions", "rewards", "terminals");
        var best = QuantileRegression.OfActions(batch.NextParticles, Greedy(batch.NextParticles, batch.Stocks));
        var targets = batch.Rewards.unsqueeze(1) + (options.Gamma * (1 - batch.Terminals).unsqueeze(1) * best);
        var taken = QuantileRegression.OfActions(batch.Particles, batch.Actions);
        return new Loss(QuantileRegression.Loss(taken, targets, options.Kappa)) { ["value"] = taken.detach().mean() };
    }
}
