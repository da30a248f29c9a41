using Plumbline.Training.Agents;
using Plumbline.Training.Environments;

namespace Plumbline.Training;

/// <summary>Options of <c>episode-success</c>.</summary>
public sealed record EpisodeSuccessOptions
{
    /// <summary>What begins the names of the results, before a slash; null: nothing.</summary>
    public string? Name { get; init; }

    /// <summary>Where the policy acts.</summary>
    public required Part<ITextEnvironment> Environment { get; init; }

    /// <summary>The seed of the first task.</summary>
    public long FirstTask { get; init; }

    /// <summary>Tasks, with seeds that follow each other.</summary>
    [Positive]
    public int Tasks { get; init; } = 64;

    /// <summary>Episodes a task.</summary>
    [Positive]
    public int PerTask { get; init; } = 1;

    /// <summary>Episodes at a time.</summary>
    [Positive]
    public int BatchSize { get; init; } = 128;

    /// <summary>Turns of an episode at most; null: as the environment has it.</summary>
    [Positive]
    public int? MaxTurns { get; init; }

    /// <summary>How the policy acts. Default: as a stage's does, by lot.</summary>
    public AgentOptions Agent { get; init; } = new();
}

/// <summary>How often the policy does its tasks in a text environment: success, episode_return, episode_turns, invalid_actions.</summary>
[Evaluation("episode-success")]
public sealed class EpisodeSuccess(EpisodeSuccessOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var actor = Actors.Policy(stage, options.Agent);
        var training = actor.Network.training;
        actor.Network.eval();
        var harness = new EpisodeHarness(options.Environment.Create(stage.Services), options.Environment.Id);
        var draws = stage.Run.Draws.Key("episode-success");
        var trajectories = new List<Trajectory>();
        foreach (var some in Enumerable.Range(0, options.Tasks).Select(task => options.FirstTask + task).Chunk(Math.Max(1, options.BatchSize / options.PerTask)))
        {
            trajectories.AddRange(EpisodePlay.Play(harness, actor, [.. some.Select(seed => (seed, draws.Key(seed)))], options.PerTask, options.MaxTurns, cancel));
        }

        actor.Network.train(training);
        var turns = trajectories.SelectMany(trajectory => trajectory.Turns).ToList();
        var prefix = options.Name is { } name ? name + "/" : string.Empty;
        return new Dictionary<string, double>
        {
            [prefix + "success"] = trajectories.Average(trajectory => trajectory.Episode.Success ? 1.0 : 0.0),
            [prefix + "episode_return"] = trajectories.Average(trajectory => trajectory.Episode.Return),
            [prefix + "episode_turns"] = trajectories.Average(trajectory => (double)trajectory.Turns.Count),
            [prefix + "invalid_actions"] = turns.Average(turn => turn.Valid ? 0.0 : 1.0),
        };
    }
}
