namespace Plumbline.Training.Agents;

/// <summary>What a reply may be.</summary>
public enum ReplyKind
{
    /// <summary>One of the legal actions: at each token only those that begin one are drawn from, in sampling and in scoring.</summary>
    Legal,

    /// <summary>Any text; an action that can't be taken uses up a turn.</summary>
    Free,
}

/// <summary>How a policy acts in a text environment.</summary>
public sealed record AgentOptions
{
    /// <summary>Divides the logits; 0 takes the likeliest each time.</summary>
    [NonNegative]
    public double Temperature { get; init; } = 1.0;

    /// <summary>What a language model's reply may be.</summary>
    public ReplyKind Replies { get; init; } = ReplyKind.Legal;

    /// <summary>Turns before the one in hand that a language model reads; null: the whole dialogue, whose keys and values are kept from turn to turn.</summary>
    [NonNegative]
    public int? History { get; init; }

    /// <summary>Longest free reply in tokens.</summary>
    [Positive]
    public int MaxReplyTokens { get; init; } = 64;

    /// <summary>Whether a free reply's action stands between <c>&lt;action&gt;</c> and <c>&lt;/action&gt;</c>; else the whole reply is the action.</summary>
    public bool Tags { get; init; }

    /// <summary>What stands between an observation and its action in a language model's prompt.</summary>
    public string ActionPrefix { get; init; } = "\n> ";

    /// <summary>What stands between an action and the next observation.</summary>
    public string ObservationPrefix { get; init; } = "\n";
}
