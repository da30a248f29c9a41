using System.Globalization;

namespace Plumbline.Plugins.Targets;

/// <summary>Options of <c>target-share</c>.</summary>
public sealed record TargetShareOptions
{
    /// <summary>Added to every score; it carries no information.</summary>
    public double Offset { get; init; }
}

/// <summary>The share of a target's tokens that an answer of <c>targets</c> has in their place.</summary>
[Reward("target-share")]
public sealed class TargetShare(TargetShareOptions options) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        var target = Tokens(rollout.Example);
        return options.Offset + (target.Where((token, place) => place < rollout.Completion.Length && rollout.Completion[place] == token).Count() / (double)target.Length);
    }

    internal static int[] Tokens(Example example) => [.. example.Text("answer").Split(' ').Select(token => int.Parse(token, CultureInfo.InvariantCulture))];
}
