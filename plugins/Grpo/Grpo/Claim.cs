namespace Plumbline.Plugins.Grpo;

/// <summary>The baseline of the claim of <c>grpo</c>, REINFORCE: the raw reward is the advantage, compared with nothing.</summary>
[Advantage("grpo-raw-reward")]
public sealed class RawReward : IGroupAdvantage
{
    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rewards = batch["rewards"];
        return new Outputs { ["advantages"] = rewards.dim() == 2 ? rewards.sum(1) : rewards };
    }
}
