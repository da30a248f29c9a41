using Acme.Words;
using Plumbline;

namespace Acme.Preferences;

/// <summary>The share of vowels in an answer, from 0 to 1.</summary>
[Reward("acme-vowels")]
public sealed class Vowels : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => Letters.Vowels(rollout.Text);
}
