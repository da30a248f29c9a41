using Plumbline.Training.Toys;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Shapes;

/// <summary>One of the rewards of shapes; images without a condition count as class 0.</summary>
public abstract class ShapeReward : ISampleReward
{
    /// <inheritdoc/>
    public Scores Score(Tensor samples, Tensor? conditions, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(samples);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var images = samples.detach().to_type(ScalarType.Float64);
        return new Scores([.. Of(Shapes16.Reward(images, conditions ?? zeros(samples.shape[0], ScalarType.Int64, samples.device))).cpu().data<double>()]);
    }

    /// <summary>The reward: [N] float64.</summary>
    protected abstract Tensor Of(Shapes16Rewards rewards);
}

/// <summary>How much more an image looks like the shape that was asked for than like any other: the difference of cosine similarities.</summary>
[Reward("shapes16-prompt")]
public sealed class ShapePrompt : ShapeReward
{
    /// <inheritdoc/>
    protected override Tensor Of(Shapes16Rewards rewards) => rewards.Prompt;
}

/// <summary>Whether an image looks most like the shape that was asked for.</summary>
[Reward("shapes16-prompt-ok")]
public sealed class ShapePromptOk : ShapeReward
{
    /// <inheritdoc/>
    protected override Tensor Of(Shapes16Rewards rewards) => rewards.PromptOk;
}

/// <summary>The mean brightness of an image.</summary>
[Reward("shapes16-ink")]
public sealed class ShapeInk : ShapeReward
{
    /// <inheritdoc/>
    protected override Tensor Of(Shapes16Rewards rewards) => rewards.Ink;
}
