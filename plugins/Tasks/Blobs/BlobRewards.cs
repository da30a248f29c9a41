using Plumbline.Training.Toys;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Blobs;

/// <summary>One of the rewards of blobs; images without a condition count as class 0.</summary>
public abstract class BlobReward(Blob8RewardOptions options) : ISampleReward
{
    /// <inheritdoc/>
    public Scores Score(Tensor samples, Tensor? conditions, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(samples);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var images = samples.detach().to_type(ScalarType.Float64);
        return new Scores([.. Of(Blob8.Reward(images, conditions ?? zeros(samples.shape[0], ScalarType.Int64, samples.device), options)).cpu().data<double>()]);
    }

    /// <summary>The reward: [N] float64.</summary>
    protected abstract Tensor Of(Blob8Rewards rewards);
}

/// <summary>Ten times the mean brightness of an image: pushed too far, everything is white.</summary>
[Reward("blob8-mass")]
public sealed class BlobMass() : BlobReward(new Blob8RewardOptions())
{
    /// <inheritdoc/>
    protected override Tensor Of(Blob8Rewards rewards) => rewards.Mass;
}

/// <summary>Ten times the share of bright pixels; it has no gradient.</summary>
[Reward("blob8-coverage")]
public sealed class BlobCoverage() : BlobReward(new Blob8RewardOptions())
{
    /// <inheritdoc/>
    protected override Tensor Of(Blob8Rewards rewards) => rewards.Coverage;
}

/// <summary>Largest, 1, where the brightness is the target's: it falls again when a policy goes too far.</summary>
[Reward("blob8-size")]
public sealed class BlobSize(Blob8RewardOptions options) : BlobReward(options)
{
    /// <inheritdoc/>
    protected override Tensor Of(Blob8Rewards rewards) => rewards.Size;
}

/// <summary>Whether the centre of brightness lies in the quadrant that was asked for.</summary>
[Reward("blob8-prompt-ok")]
public sealed class BlobPromptOk() : BlobReward(new Blob8RewardOptions())
{
    /// <inheritdoc/>
    protected override Tensor Of(Blob8Rewards rewards) => rewards.PromptOk;
}

/// <summary>Minus the mean square error to the nearest true blob: 0 is a perfect blob, -0.1 is none.</summary>
[Reward("blob8-fidelity")]
public sealed class BlobFidelity : ISampleReward
{
    /// <inheritdoc/>
    public Scores Score(Tensor samples, Tensor? conditions, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(samples);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        return new Scores([.. Blob8.Fidelity(samples.detach().to_type(ScalarType.Float64)).cpu().data<double>()]);
    }
}
