using Plumbline.Training.Agents;
using Plumbline.Training.Environments;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Search;

/// <summary>What a finished episode earns in a search.</summary>
public enum EpisodeEarning
{
    /// <summary>The sum of its rewards.</summary>
    Return,

    /// <summary>1 where the task was done as asked, else 0.</summary>
    Success,
}

/// <summary>Options of <c>environment-steps</c>.</summary>
public sealed record EnvironmentStepsOptions
{
    /// <summary>What answers the actions.</summary>
    public required Part<ITextEnvironment> Environment { get; init; }

    /// <summary>How the policy acts.</summary>
    public AgentOptions Agent { get; init; } = new();

    /// <summary>What a finished episode earns.</summary>
    public EpisodeEarning Earns { get; init; } = EpisodeEarning.Return;
}

/// <summary>Episodes of a text environment: a step is an action of the policy, and every branch is a fork.</summary>
/// <remarks>
/// A task's seed is its row's number <c>seed</c>, and without one the row's index. The environment that a policy acts in is never stepped. Equal actions of one
/// request are taken once.
/// </remarks>
[Part(SearchKinds.Space, "environment-steps")]
public sealed class EnvironmentSteps(EnvironmentStepsOptions options, IServiceProvider services) : ISearchSpaces, IActingSpaces
{
    private readonly EpisodeHarness _harness = new(options.Environment.Create(services), options.Environment.Id);

    /// <inheritdoc/>
    // Replies are scored at the temperature that they were given at.
    public double Temperature => 1;

    /// <inheritdoc/>
    public ISearchSpace Open(IModel policy) => new ActingSpace(policy, Actors.Of(policy, options.Agent), _harness, options.Earns);

    /// <inheritdoc/>
    IActor IActingSpaces.Actor(IModel model) => Actors.Of(model, options.Agent);
}

/// <summary>Spaces whose steps are replies in an environment.</summary>
internal interface IActingSpaces
{
    /// <summary>A model at work in them.</summary>
    IActor Actor(IModel model);
}

/// <summary>A place in an episode.</summary>
internal sealed class ActingState : SearchState
{
    /// <summary>The episode that stands here; it is forked and never stepped.</summary>
    internal required Episode Episode { get; init; }

    /// <summary>What was said so far.</summary>
    internal required Dialogue Dialogue { get; init; }

    /// <summary>The reply that led here; null at the start.</summary>
    internal Reply? Reply { get; init; }
}

/// <summary>The space of <see cref="EnvironmentSteps"/> for one policy.</summary>
internal sealed class ActingSpace(IModel policy, IActor actor, EpisodeHarness harness, EpisodeEarning earns) : ISearchSpace
{
    /// <inheritdoc/>
    public IModel Policy => policy;

    /// <inheritdoc/>
    public IReadOnlyList<SearchState> Roots(IReadOnlyList<SearchTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        return [.. tasks.Select(task =>
        {
            var episode = harness.Reset((long)(task.Example.FindNumber("seed") ?? task.Example.Index));
            return new ActingState { Task = task, Episode = episode, Dialogue = new Dialogue(episode.Observation) };
        })];
    }

    /// <inheritdoc/>
    public void Expand(IReadOnlyList<Expansion> expansions, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(expansions);
        IReadOnlyList<Reply>[] replies = expansions.Any(expansion => expansion.Proposal == Proposal.Likeliest) ? Likeliest(expansions) : Sampled(expansions, cancel);
        for (var i = 0; i < expansions.Count; i++)
        {
            var (expansion, before) = (expansions[i], harness.Steps);
            var from = (ActingState)expansion.State;
            var known = new Dictionary<string, ActingState>(StringComparer.Ordinal);
            expansion.Children = [.. replies[i].Select(reply => known.TryGetValue(reply.Text, out var same) ? same : known[reply.Text] = After(from, reply))];
            expansion.EnvironmentSteps = (int)(harness.Steps - before);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => actor.Dispose();

    private ActingState After(ActingState from, Reply reply)
    {
        var episode = from.Episode.Fork();
        var outcome = episode.Step(reply.Action);
        return new ActingState
        {
            Task = from.Task,
            Parent = from,
            Step = new SearchStep(reply.Text, reply.Tokens, reply.Logps),
            Terminal = episode.Ended,
            Reward = !episode.Ended ? null : earns == EpisodeEarning.Return ? episode.Return : episode.Success ? 1 : 0,
            Episode = episode,
            Dialogue = from.Dialogue.Branch(reply, outcome.Observation),
            Reply = reply,
        };
    }

    private IReadOnlyList<Reply>[] Sampled(IReadOnlyList<Expansion> expansions, CancellationToken cancel)
    {
        var asked = expansions.SelectMany(expansion => Enumerable.Range(0, expansion.Count).Select(sample => (((ActingState)expansion.State).Dialogue, Draws: expansion.Draws.Key(sample)))).ToArray();
        var given = actor.Reply([.. asked.Select(ask => ask.Dialogue)], [.. asked.Select(ask => ask.Draws)], cancel);
        var (all, at) = (new IReadOnlyList<Reply>[expansions.Count], 0);
        for (var i = 0; i < all.Length; i++)
        {
            all[i] = [.. given.Skip(at).Take(expansions[i].Count)];
            at += expansions[i].ModelCalls = expansions[i].Count;
        }

        return all;
    }

    /// <summary>The likeliest of a policy that chooses: all its options are at hand.</summary>
    private IReadOnlyList<Reply>[] Likeliest(IReadOnlyList<Expansion> expansions)
    {
        if (policy is not IChoiceModel choosing)
        {
            throw new PlumblineException("the likeliest actions are wanted, and the policy writes its actions: only those of a policy that chooses among the legal ones can be put in order; let the search sample its steps (\"proposal\": \"sampled\")");
        }

        using var scope = NewDisposeScope();
        using var still = no_grad();
        Choice[] choices = [.. expansions.Select(expansion => new Choice(Said((ActingState)expansion.State), ((ActingState)expansion.State).Dialogue.Now.LegalActions ?? []))];
        var logps = choosing.Logits(choices).to_type(ScalarType.Float64).log_softmax(-1).cpu();
        var all = new IReadOnlyList<Reply>[expansions.Count];
        for (var i = 0; i < all.Length; i++)
        {
            var row = logps[i].contiguous().data<double>().ToArray();
            expansions[i].ModelCalls = 1;
            all[i] = [.. Enumerable.Range(0, choices[i].Options.Count).OrderByDescending(option => row[option]).Take(expansions[i].Count)
                .Select(option => actor.Recall(((ActingState)expansions[i].State).Dialogue, choices[i].Options[option], [option], [(float)row[option]]))];
        }

        return all;

        static string[] Said(ActingState state) => state.Dialogue.Texts();
    }
}
