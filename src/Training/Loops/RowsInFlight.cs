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
    private const string PolicyMask = "policy_mask";
    private readonly List<SamplingRequest> _rows = [];
    private long _taken;

    /// <summary>The rows of a stage that has a window; null: it has none.</summary>
    /// <param name="options">The stage's options.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="source">Where prompts, completions and scores come from.</param>
    /// <param name="further">The inputs that the objective can read beyond the usual ones.</param>
    /// <exception cref="PlumblineException">The objective would learn from tokens of older policies, or a prompt has several completions.</exception>
    internal static RowsInFlight? Of(ActorCriticOptions options, StageContext stage, RolloutSource source, string[] further) => options.Window is not { } window ? null
        : !further.Contains(PolicyMask) ? throw Unmasked($"objective '{options.Objective.Id}' does not read", "an objective")
        : source.GroupSize != 1 ? throw new PlumblineException($"window keeps one completion of a prompt in flight, and the sampler's group_size is {source.GroupSize}; set it to 1")
        : new RowsInFlight(source, stage, options.PromptsPerStep, window, options.Rewards.Count);

    /// <summary>Refuses an advantage part that does not tell this step's tokens from those of older policies.</summary>
    internal static void RequireMask(Batch whole, string advantage)
    {
        if (!whole.Has(PolicyMask))
        {
            throw Unmasked($"advantage '{advantage}' does not say", "an advantage");
        }
    }

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

    private static PlumblineException Unmasked(string who, string what) => new(
        $"window keeps rows in flight across updates, and {who} which of their tokens are this step's ({PolicyMask}): those of older policies would be learnt from as if they were this one's. Take window out, or take {what} that does, such as that of T-PPO");
}
