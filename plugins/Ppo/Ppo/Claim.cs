namespace Plumbline.Plugins.Ppo;

/// <summary>The score of the claim of <c>ppo</c>: five times the share of tokens that are the one before them plus 1, modulo 8. A uniform policy gets 0.62.</summary>
[Reward("ppo-successors")]
public sealed class Successors : RowReward
{
    private const int Modulus = 8;

    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        var tokens = rollout.Completion;
        return tokens.Length < 2 ? 0 : 5.0 * tokens.Skip(1).Where((token, place) => token == (tokens[place] + 1) % Modulus).Count() / (tokens.Length - 1);
    }
}
