using Plumbline.Training.Environments;

namespace Plumbline.Training.Agents;

/// <summary>One turn of an episode: what was seen, what was done, what came of it.</summary>
internal sealed record Turn(Observation Seen, Reply Reply, Outcome Outcome)
{
    /// <summary>Whether the action could be found and taken.</summary>
    internal bool Valid => Reply.Parsed && Outcome.Valid;

    /// <summary>Whether it was the last one because of a limit, the environment's or the stage's.</summary>
    internal bool Truncated { get; set; } = Outcome.Truncated;
}

/// <summary>One episode as it was played.</summary>
/// <param name="group">What the episodes of one task share.</param>
/// <param name="sample">Its number within the group, from 0.</param>
/// <param name="episode">The episode in its environment.</param>
internal sealed class Trajectory(long group, int sample, Episode episode)
{
    private readonly List<Turn> _turns = [];

    internal long Group { get; } = group;

    internal int Sample { get; } = sample;

    internal Episode Episode { get; } = episode;

    internal Dialogue Dialogue { get; } = new(episode.Observation);

    internal IReadOnlyList<Turn> Turns => _turns;

    /// <summary>Takes the action of a reply.</summary>
    internal void Take(Reply reply)
    {
        var seen = Dialogue.Now;
        var outcome = Episode.Step(reply.Action);
        _turns.Add(new Turn(seen, reply, outcome));
        Dialogue.Add(reply, outcome.Observation);
    }

    /// <summary>Ends it at the stage's own limit.</summary>
    internal void Cut()
    {
        if (!Episode.Ended && _turns.Count > 0)
        {
            _turns[^1].Truncated = true;
        }
    }
}

/// <summary>Plays episodes side by side, a turn of all that live at a time.</summary>
internal static class EpisodePlay
{
    /// <summary>Plays groups of episodes to their ends.</summary>
    /// <param name="harness">The environment.</param>
    /// <param name="actor">What acts.</param>
    /// <param name="tasks">The seed of each group's task, and its source of chance.</param>
    /// <param name="groupSize">Episodes a task.</param>
    /// <param name="maxTurns">Turns at most; null: as the environment has it.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The episodes of the first task, then those of the second, and so on.</returns>
    internal static IReadOnlyList<Trajectory> Play(EpisodeHarness harness, IActor actor, IReadOnlyList<(long Seed, Draws Draws)> tasks, int groupSize, int? maxTurns, CancellationToken cancel)
    {
        var all = new List<(Trajectory Trajectory, Draws Draws)>();
        for (var group = 0; group < tasks.Count; group++)
        {
            for (var sample = 0; sample < groupSize; sample++)
            {
                all.Add((new Trajectory(group, sample, harness.Reset(tasks[group].Seed)), tasks[group].Draws.Key(sample)));
            }
        }

        for (var turn = 0; turn < (maxTurns ?? int.MaxValue); turn++)
        {
            cancel.ThrowIfCancellationRequested();
            var live = all.Where(row => !row.Trajectory.Episode.Ended).ToList();
            if (live.Count == 0)
            {
                break;
            }

            var replies = actor.Reply([.. live.Select(row => row.Trajectory.Dialogue)], [.. live.Select(row => row.Draws.Key(turn))], cancel);
            for (var i = 0; i < live.Count; i++)
            {
                live[i].Trajectory.Take(replies[i]);
            }
        }

        actor.Forget();
        all.ForEach(row => row.Trajectory.Cut());
        return [.. all.Select(row => row.Trajectory)];
    }
}
