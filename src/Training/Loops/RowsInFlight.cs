namespace Plumbline.Training;

/// <summary>Rows that are decoded a window at a time and stay in flight across updates; a finished one makes room for the next prompt (T-PPO, arXiv 2506.15050).</summary>
/// <remarks>
/// A row's draws are keyed by its place in the queue of prompts and by its tokens, so where the windows end changes no draw. Its log-probabilities are
/// those of the policies that drew it; the cache is built anew each time, for the policy changed.
/// </remarks>
/// <param name="source">Where prompts, completions and scores come from.</param>
/// <param name="stage">The stage.</param>
/// <param name="slots">Rows in flight.</param>
/// <param name="window">Tokens a step.</param>
/// <param name="rewards">Rewards that score a finished row.</param>
internal sealed class RowsInFlight(RolloutSource source, StageContext stage, int slots, int window, int rewards)
{
    private readonly List<SamplingRequest> _rows = [];
    private long _taken;

    /// <summary>Every row one window further. Only finished rows have scores.</summary>
    internal RolloutBatch Next(int step, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        Refill();
        int[] starts = [.. _rows.Select(row => row.Begun.Length)];
        stage.Policy.Network.eval();
        var rollouts = source.Sample(stage.Policy, _rows, cancel);
        Rollout[] finished = [.. rollouts.Where(rollout => !rollout.Unfinished)];
        var scored = finished.Length > 0 ? source.Score(step, finished, finished.Length, metrics) : null;
        stage.Policy.Network.train();
        metrics["finished"] = finished.Length;
        GoOn(rollouts);
        return RolloutBatch.InFlight(rollouts, starts, scored, rewards);
    }

    private void Refill()
    {
        var draws = stage.Draws.Key("sample");
        foreach (var prompt in source.Prompts(_taken, slots - _rows.Count))
        {
            _rows.Add(source.Request(prompt, _taken, count: 1, draws.Key(_taken)) with { Window = window });
            _taken++;
        }
    }

    private void GoOn(IReadOnlyList<Rollout> rollouts)
    {
        SamplingRequest[] going =
        [
            .. _rows.Zip(rollouts).Where(pair => pair.Second.Unfinished)
                .Select(pair => pair.First with { Begun = pair.Second.Completion, BegunLogps = pair.Second.Logps }),
        ];
        _rows.Clear();
        _rows.AddRange(going);
    }
}
