namespace Plumbline.Training.Agents;

/// <summary>What was said in an episode so far, the observation in hand last.</summary>
internal sealed class Dialogue
{
    private readonly List<(string Observation, Reply Reply)> _turns = [];

    internal Dialogue(Observation first) => Now = first;

    /// <summary>The turns before the one in hand.</summary>
    internal IReadOnlyList<(string Observation, Reply Reply)> Turns => _turns;

    /// <summary>The observation in hand.</summary>
    internal Observation Now { get; private set; }

    internal void Add(Reply reply, Observation next)
    {
        _turns.Add((Now.Text, reply));
        Now = next;
    }

    /// <summary>A dialogue of its own that goes on from here; this one stays as it is.</summary>
    internal Dialogue Branch(Reply reply, Observation next)
    {
        var branch = new Dialogue(next);
        branch._turns.AddRange(_turns);
        branch._turns.Add((Now.Text, reply));
        return branch;
    }

    /// <summary>Observations and actions in turns, oldest first.</summary>
    internal string[] Texts() => [.. _turns.SelectMany(turn => new[] { turn.Observation, turn.Reply.Action }), Now.Text];
}

/// <summary>What a policy said at a turn, and all that is needed to score it again.</summary>
internal sealed record Reply
{
    /// <summary>The dialogue it belongs to.</summary>
    internal required Dialogue Dialogue { get; init; }

    /// <summary>All that was said.</summary>
    internal required string Text { get; init; }

    /// <summary>The action in it; empty where it can't be found.</summary>
    internal required string Action { get; init; }

    /// <summary>Whether an action was found.</summary>
    internal bool Parsed { get; init; } = true;

    /// <summary>Tokens of the prompt; none for a policy that chooses.</summary>
    internal int[] Prompt { get; init; } = [];

    /// <summary>Tokens of the reply; of a policy that chooses, the place of its choice.</summary>
    internal required int[] Tokens { get; init; }

    /// <summary>The recorded log-probability of each.</summary>
    internal required float[] Logps { get; init; }

    /// <summary>The tokens that each was drawn from; null: all.</summary>
    internal IReadOnlyList<int[]>? Allowed { get; init; }

    /// <summary>What was chosen from, by a policy that chooses.</summary>
    internal Choice? Choice { get; init; }

    /// <summary>Whether it was cut at the longest length.</summary>
    internal bool Truncated { get; init; }
}

/// <summary>A policy at work in text environments, of whatever sort: it replies, and scores replies again.</summary>
internal interface IActor : IDisposable
{
    /// <summary>What trains.</summary>
    torch.nn.Module Network { get; }

    /// <summary>Batched passes through the network while replying, so far.</summary>
    long Calls { get; }

    /// <summary>A reply in each dialogue; a dialogue's draw depends on its key alone.</summary>
    IReadOnlyList<Reply> Reply(IReadOnlyList<Dialogue> dialogues, IReadOnlyList<Draws> draws, CancellationToken cancel);

    /// <summary>A recorded reply as one given now: what it was drawn from is worked out anew.</summary>
    /// <exception cref="PlumblineException">It could not have been given.</exception>
    Reply Recall(Dialogue dialogue, string text, int[] tokens, float[] logps);

    /// <summary>Log-probabilities of replies under the weights as they are, a row each.</summary>
    ScoredSequences Score(IReadOnlyList<Reply> replies, Needs needs);

    /// <summary>Drops what is kept from turn to turn: the episodes are over, or the weights will change.</summary>
    void Forget();
}
