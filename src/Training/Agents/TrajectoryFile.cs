using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Plumbline.Training.Environments;

namespace Plumbline.Training.Agents;

/// <summary>Episodes as lines of JSON, one each, in the order in which they were played.</summary>
internal static class TrajectoryFile
{
    internal const string Name = "trajectories.jsonl";

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        RespectRequiredConstructorParameters = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    /// <summary>An episode of a file.</summary>
    internal sealed record StoredEpisode(
        string Stage, int Step, long Group, int Sample, long Seed, double Return, bool Success, string FinalObservation, string FinalStateKey, IReadOnlyList<StoredTurn> Turns);

    /// <summary>A turn of a file.</summary>
    internal sealed record StoredTurn(
        string Observation, string StateKey, string Reply, string Action, double Reward, bool Terminated, bool Truncated, bool Valid, bool Success, int[] Tokens, float[] Logps)
    {
        public IReadOnlyList<string>? LegalActions { get; init; }
    }

    /// <summary>Adds the episodes of a step to the run's file.</summary>
    internal static void Append(StageContext stage, int step, IReadOnlyList<Trajectory> trajectories)
    {
        Directory.CreateDirectory(stage.Run.Folder);
        File.AppendAllLines(
            Path.Combine(stage.Run.Folder, Name),
            trajectories.Select(trajectory => JsonSerializer.Serialize(Stored(stage.Name, step, trajectory), Json)),
            new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    /// <summary>The episodes of a file by step.</summary>
    /// <exception cref="PlumblineException">It is absent or malformed, or its episodes are of several stages and none of this name.</exception>
    internal static ILookup<int, StoredEpisode> Read(string path, string stage)
    {
        if (!File.Exists(path))
        {
            throw new PlumblineException($"there is no file '{path}' of trajectories; a stage of agents writes {Name} into its run's folder");
        }

        var episodes = new List<StoredEpisode>();
        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            try
            {
                episodes.Add(JsonSerializer.Deserialize<StoredEpisode>(line, Json) ?? throw new JsonException("it is null"));
            }
            catch (JsonException wrong)
            {
                throw new PlumblineException($"line {number} of '{path}' is no trajectory: {wrong.Message}", wrong);
            }
        }

        string[] stages = [.. episodes.Select(episode => episode.Stage).Distinct()];
        var of = stages.Length == 1 ? stages[0] : stages.Contains(stage) ? stage
            : throw new PlumblineException($"the trajectories of '{path}' are of the stages {string.Join(", ", stages)}, and this one is '{stage}'; give it the name of the one that is meant");
        return episodes.Where(episode => episode.Stage == of).ToLookup(episode => episode.Step);
    }

    /// <summary>Plays stored episodes again and checks that the environment says the same.</summary>
    /// <exception cref="PlumblineException">It does not: <c>diverged</c>.</exception>
    internal static IReadOnlyList<Trajectory> Replay(EpisodeHarness harness, IActor actor, IEnumerable<StoredEpisode> stored)
    {
        var trajectories = new List<Trajectory>();
        foreach (var episode in stored)
        {
            var trajectory = new Trajectory(episode.Group, episode.Sample, harness.Reset(episode.Seed));
            for (var t = 0; t < episode.Turns.Count; t++)
            {
                var turn = episode.Turns[t];
                Same(t, "observation", turn.Observation, trajectory.Dialogue.Now.Text);
                Same(t, "state key", turn.StateKey, trajectory.Dialogue.Now.StateKey);
                trajectory.Take(actor.Recall(trajectory.Dialogue, turn.Reply, turn.Tokens, turn.Logps));
                var outcome = trajectory.Turns[^1].Outcome;
                Same(t, "reward", turn.Reward, outcome.Reward);
                Same(t, "end", turn.Terminated, outcome.Terminated);
                Same(t, "success", turn.Success, outcome.Success);
                Same(t, "validity", turn.Valid, trajectory.Turns[^1].Valid);
            }

            Same(episode.Turns.Count, "observation", episode.FinalObservation, trajectory.Dialogue.Now.Text);
            Same(episode.Turns.Count, "state key", episode.FinalStateKey, trajectory.Dialogue.Now.StateKey);
            trajectory.Cut();
            trajectories.Add(trajectory);

            void Same<T>(int t, string what, T recorded, T now)
            {
                if (!EqualityComparer<T>.Default.Equals(recorded, now))
                {
                    throw new PlumblineException($"replay diverged: at turn {t} of sample {episode.Sample} of the task with seed {episode.Seed} (step {episode.Step}) the {what} is '{now}', and '{recorded}' was recorded; the environment is another one, or depends on more than seed and actions");
                }
            }
        }

        return trajectories;
    }

    private static StoredEpisode Stored(string stage, int step, Trajectory trajectory) => new(
        stage, step, trajectory.Group, trajectory.Sample, trajectory.Episode.Seed, trajectory.Episode.Return, trajectory.Episode.Success,
        trajectory.Dialogue.Now.Text, trajectory.Dialogue.Now.StateKey,
        [.. trajectory.Turns.Select(turn => new StoredTurn(
            turn.Seen.Text, turn.Seen.StateKey, turn.Reply.Text, turn.Reply.Action, turn.Outcome.Reward, turn.Outcome.Terminated, turn.Truncated, turn.Valid, turn.Outcome.Success, turn.Reply.Tokens, turn.Reply.Logps)
        {
            LegalActions = turn.Seen.LegalActions,
        })]);
}
