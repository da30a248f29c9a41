namespace Plumbline.Plugins.PreferenceGame;

/// <summary>Says of two answers what the games' rows say of them.</summary>
[Judge("preference-game")]
public sealed class GameJudge : IJudge
{
    private readonly Dictionary<long, double[][]> _games = [];

    /// <inheritdoc/>
    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        return [.. pairs.Select(pair => Of(pair.First.Example)[pair.First.Completion[0]][pair.Second.Completion[0]])];
    }

    private double[][] Of(Example row) => _games.TryGetValue(row.Index, out var matrix) ? matrix : _games[row.Index] = GameRows.Matrix(row);
}
