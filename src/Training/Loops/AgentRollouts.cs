using System.Text.Json.Nodes;
using Plumbline.Training.Agents;
using Plumbline.Training.Engine;
using Plumbline.Training.Environments;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>agent-rollouts</c>.</summary>
public sealed record AgentRolloutsOptions : TrainingOptions
{
    /// <summary>The loss; its rows are turns.</summary>
    public required Part<GroupObjective> Objective { get; init; }

    /// <summary>Further losses added to it, such as a pull towards the reference.</summary>
    public IReadOnlyList<Part<GroupObjective>> Terms { get; init; } = [];

    /// <summary>What turns rewards into advantages, one after the other, each with what the one before gave; empty: what goes with the objective, else <c>trajectories</c>.</summary>
    public IReadOnlyList<Part<ITurnAdvantage>> Advantages { get; init; } = [];

    /// <summary>What answers the actions.</summary>
    public required Part<ITextEnvironment> Environment { get; init; }

    /// <summary>Further rewards: each scores the replies, and is added to the rewards of their turns.</summary>
    public IReadOnlyList<Part<IReward>> Rewards { get; init; } = [];

    /// <summary>How the policy acts.</summary>
    public AgentOptions Agent { get; init; } = new();

    /// <summary>The seed of the first task.</summary>
    public long FirstTask { get; init; }

    /// <summary>Tasks, with seeds that follow each other; each comes once an epoch. Null: new ones at every step.</summary>
    [Positive]
    public int? Tasks { get; init; }

    /// <summary>Tasks a step.</summary>
    [Positive]
    public int TasksPerStep { get; init; } = 16;

    /// <summary>Episodes a task: a group.</summary>
    [Positive]
    public int GroupSize { get; init; } = 8;

    /// <summary>Turns of an episode at most; null: as the environment has it.</summary>
    [Positive]
    public int? MaxTurns { get; init; }

    /// <summary>Passes over the turns of a step.</summary>
    [Positive]
    public int EpochsPerBatch { get; init; } = 1;

    /// <summary>Parts into which each pass splits the turns, an optimiser step each; whole groups where the objective makes its own advantages.</summary>
    [Positive]
    public int Minibatches { get; init; } = 1;

    /// <summary>Write the episodes to trajectories.jsonl every so many steps; 0: never.</summary>
    [NonNegative]
    public int SaveEvery { get; init; } = 1;

    /// <summary>Learn from the episodes of a trajectories.jsonl, step by step, instead of acting; each is played again in the environment, which must say the same. Relative to the manifest.</summary>
    public string? TrajectoriesFrom { get; init; }

    /// <inheritdoc/>
    internal override int UpdatesPerStep => EpochsPerBatch * Minibatches;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var episodes = (long)TasksPerStep * GroupSize;
        return new Cost { Steps = Steps, TrainedSequences = episodes * EpochsPerBatch, SampledSequences = episodes, FrozenCopies = ReferenceCopies(services, Objective, Terms) };
    }
}

/// <summary>Acts in a text environment turn by turn, in groups of episodes of one task, and learns from the turns.</summary>
/// <remarks>
/// A row is a turn: its prompt is what the policy read, its completion what it said. Objectives see the same names as in <c>online-groups</c>; <c>rewards</c> is
/// the return of the row's whole episode. The first update on a step's turns is on-policy, and its log-probabilities are compared with those recorded while
/// acting (<c>sampler_gap</c>).
/// </remarks>
[Loop(Loop.AgentRollouts)]
public sealed class AgentRollouts(AgentRolloutsOptions options, StageContext stage) : ILoop
{
    private const int StepsToJudge = 10;
    private readonly EpisodeHarness _harness = new(options.Environment.Create(stage.Services), options.Environment.Id);
    private readonly (string Id, IReward Reward)[] _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        using var policy = Actors.Policy(stage, options.Agent);
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        using var learner = new Learner(stage, options, terms, stage.Run.Models.Get<IModel>("policy") as ICausalModel, policy.Network.parameters());
        var advantages = Advantages((GroupObjective)terms[0].Item2, learner.Needs);
        using var reference = learner.Needs.HasFlag(Needs.Reference) ? Actors.Reference(stage, options.Agent) : null;
        var stored = options.TrajectoriesFrom is { } path ? TrajectoryFile.Read(stage.Run.Resolve(path), stage.Name) : null;
        var order = options.Tasks is { } tasks ? new EpochOrder(tasks, stage.Draws.Key("order")) : null;
        // Few tasks a step may well be all done or all failed: ten steps of them mean something.
        var watch = new RewardWatch(stage.Recorder, Math.Max(options.Tasks ?? 0, StepsToJudge * options.TasksPerStep), withinGroups: true, "tasks", TrajectoryFile.Name);
        StepLoop.Run(stage, options, Step, cancel);
        watch.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            policy.Network.eval();
            var trajectories = Act(step, policy, stored, order, cancel);
            policy.Network.train();
            var like = policy.Network.parameters().First();
            var turns = new TurnBatch(trajectories, like.device, Kernels.WideType(like.dtype));
            Score(step, turns, metrics);
            Tell(turns, policy, metrics);
            watch.See(turns.Returns, null, k => turns.Trajectories[k].Group, trajectories.Select(trajectory => trajectory.Group).Distinct().Count());
            var whole = turns.Inputs(step, options.Steps);
            foreach (var (id, advantage) in advantages)
            {
                stage.Recorder.InHand(Kinds.Advantage + " " + id, "advantages");
                var outputs = advantage.Compute(Learner.AddDraws(whole, advantage.Draws, stage, step, whole["rewards"]));
                metrics.Add(outputs);
                metrics.Remove("advantages");
                whole.With("advantages", outputs.Tensor("advantages"));
            }

            var updates = 0;
            for (var epoch = 0; epoch < options.EpochsPerBatch; epoch++)
            {
                foreach (var rows in Parts(turns, learner.Needs, stage.Draws.Key("minibatches").Key(step).Key(epoch)))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    Update(step, rows, turns, whole, onPolicy: updates++ == 0 && stored is null, metrics);
                }
            }

            return new(metrics, turns.Tokens * options.EpochsPerBatch);
        }

        void Update(int step, int[] rows, TurnBatch turns, Batch whole, bool onPolicy, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            Reply[] replies = [.. rows.Select(row => turns.Turns[row].Reply)];
            var scored = policy.Score(replies, learner.Needs);
            var (width, index) = (scored.Logps.shape[1], tensor(rows.Select(row => (long)row).ToArray(), device: scored.Logps.device));
            Tensor Rows(string name)
            {
                var chosen = whole[name].index_select(0, index);
                return chosen.dim() == 2 ? chosen.narrow(1, 0, width) : chosen;
            }

            var batch = new GroupBatch
            {
                ["logps"] = scored.Logps,
                ["mask"] = scored.Mask,
                ["tokens"] = scored.Tokens,
                ["rewards"] = Rows("rewards"),
                ["group_ids"] = Rows("group_ids"),
                ["truncated"] = Rows("truncated"),
            };
            batch.With("advantages", whole.Has("advantages") ? Rows("advantages") : null);
            batch.With("entropies", scored.Entropies).With("policy_logits", scored.Logits);
            var recorded = Rows("old_logps");
            if (onPolicy)
            {
                metrics["sampler_gap"] = SamplerTripwire.Check(recorded, scored.Logps, scored.Mask, policy.Network.parameters().First().dtype);
            }
            else
            {
                batch.With("old_logps", recorded);
            }

            if (reference is not null)
            {
                using var still = no_grad();
                batch.With("reference_logps", reference.Score(replies, Needs.None).Logps);
            }

            learner.Update(batch, step, metrics, rows.Length);
        }
    }

    private IReadOnlyList<Trajectory> Act(int step, IActor policy, ILookup<int, TrajectoryFile.StoredEpisode>? stored, EpochOrder? order, CancellationToken cancel)
    {
        stage.Recorder.InHand(Kinds.Environment + " " + options.Environment.Id, stored is null ? "acting" : "replaying");
        if (stored is not null)
        {
            return stored[step].Any() ? TrajectoryFile.Replay(_harness, policy, stored[step])
                : throw new PlumblineException($"'{options.TrajectoriesFrom}' has no episodes of step {step}; it has {stored.Count} steps: set \"steps\" to as many, or save every step of the run that it comes from");
        }

        var draws = stage.Draws.Key("act").Key(step);
        var tasks = (order?.Take((long)step * options.TasksPerStep, options.TasksPerStep).Select(task => (long)task) ?? Enumerable.Range(0, options.TasksPerStep).Select(i => ((long)step * options.TasksPerStep) + i))
            .Select((task, group) => (options.FirstTask + task, draws.Key(group).Key(task)));
        var trajectories = EpisodePlay.Play(_harness, policy, [.. tasks], options.GroupSize, options.MaxTurns, cancel);
        if (options.SaveEvery > 0 && step % options.SaveEvery == 0)
        {
            TrajectoryFile.Append(stage, step, trajectories);
        }

        return trajectories;
    }

    /// <summary>Adds what the reward parts say of each reply to its turn.</summary>
    private void Score(int step, TurnBatch turns, Dictionary<string, double> metrics)
    {
        if (_rewards.Length == 0)
        {
            return;
        }

        var context = new RewardContext(step, options.Steps, stage.Draws.Key("reward").Key(step));
        Rollout[] rollouts = [.. turns.Turns.Select((turn, row) => new Rollout
        {
            Example = new Example(turns.Trajectories[turns.Trajectory[row]].Episode.Seed, new JsonObject
            {
                ["prompt"] = turn.Seen.Text,
                ["state_key"] = turn.Seen.StateKey,
                ["action"] = turn.Reply.Action,
                ["turn"] = turns.StepIndex[row],
                ["reward"] = turn.Outcome.Reward,
                ["valid"] = turn.Valid ? 1 : 0,
                ["success"] = turn.Outcome.Success ? 1 : 0,
            }),
            GroupId = turns.Trajectories[turns.Trajectory[row]].Group,
            Sample = turns.Trajectories[turns.Trajectory[row]].Sample,
            Prompt = turn.Reply.Prompt,
            Completion = turn.Reply.Tokens,
            Logps = turn.Reply.Logps,
            Text = turn.Reply.Text,
            Truncated = turn.Reply.Truncated,
        })];
        foreach (var (id, reward) in _rewards)
        {
            stage.Recorder.InHand(Kinds.Reward + " " + id, "scoring");
            var scores = RewardScores.Of(reward, id, rollouts, context);
            metrics["reward/" + id] = scores.Values.Average();
            turns.Add(scores.Values);
        }
    }

    private void Tell(TurnBatch turns, IActor policy, Dictionary<string, double> metrics)
    {
        metrics["success_rate"] = turns.Trajectories.Average(trajectory => trajectory.Episode.Success ? 1.0 : 0.0);
        metrics["return_mean"] = turns.Returns.Average();
        metrics["turns"] = turns.Trajectories.Average(trajectory => (double)trajectory.Turns.Count);
        metrics["invalid_share"] = turns.Turns.Average(turn => turn.Valid ? 0.0 : 1.0);
        metrics["truncated"] = turns.Trajectories.Average(trajectory => trajectory.Turns[^1].Truncated ? 1.0 : 0.0);
        metrics["completion_length"] = turns.Turns.Average(turn => (double)turn.Reply.Tokens.Length);
        metrics["env_steps"] = _harness.Steps;
        metrics["model_calls"] = policy.Calls;
    }

    private IReadOnlyList<(string Id, ITurnAdvantage Advantage)> Advantages(GroupObjective objective, Needs needs)
    {
        if (needs.HasFlag(Needs.Rewards))
        {
            return options.Advantages.Count == 0 ? []
                : throw new PlumblineException($"objective '{options.Objective.Id}' makes its own advantages from the rewards, so nothing would read those of advantage '{options.Advantages[^1].Id}'; take 'advantages' out");
        }

        return options.Advantages.Count > 0 ? [.. options.Advantages.Select(part => (part.Id, part.Create(stage.Services)))]
            : objective is ITurnObjective turns ? [(options.Objective.Id, turns.TurnAdvantage)]
            : [("trajectories", new TrajectoryAdvantages(objective.Advantage ?? new GroupRelative(new GroupRelativeOptions())))];
    }

    /// <summary>The rows of each update.</summary>
    private IEnumerable<int[]> Parts(TurnBatch turns, Needs needs, Draws draws)
    {
        if (options.Minibatches == 1)
        {
            return [[.. Enumerable.Range(0, turns.Count)]];
        }

        // What compares rows of a group must see them all.
        var units = needs.HasFlag(Needs.Rewards) ? Enumerable.Range(0, turns.Count).GroupBy(row => turns.Trajectories[turns.Trajectory[row]].Group).Select(group => group.ToArray()).ToArray()
            : [.. Enumerable.Range(0, turns.Count).Select(row => new[] { row })];
        return OnlineGroups.Split(draws.Permutation(units.Length), options.Minibatches).Select(part => part.SelectMany(unit => units[unit]).ToArray());
    }
}
