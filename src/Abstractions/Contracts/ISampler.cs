namespace Plumbline;

/// <summary>Policy and prompts to completions.</summary>
[Kind(Kinds.Sampler)]
public interface ISampler
{
    /// <summary>Completions a prompt, where the caller does not say otherwise.</summary>
    int GroupSize { get; }

    /// <summary>The temperature by which logits are divided, for sampling and for the recorded log-probabilities.</summary>
    double Temperature { get; }

    /// <summary>Samples completions. The draws of a completion depend on its key alone, not on the other rows.</summary>
    /// <returns>For each request in order, its completions in order of <see cref="Rollout.Sample"/>.</returns>
    IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default);
}

/// <summary>One prompt to complete.</summary>
/// <param name="Example">The row the prompt comes from.</param>
/// <param name="GroupId">What the completions of this prompt share.</param>
/// <param name="Prompt">Its tokens, at least one.</param>
/// <param name="Count">How many completions.</param>
/// <param name="Draws">Source of chance, keyed down to this prompt.</param>
public sealed record SamplingRequest(Example Example, long GroupId, int[] Prompt, int Count, Draws Draws)
{
    /// <summary>Tokens that every completion begins with: one that was sampled so far goes on with the draws it would have had.</summary>
    public int[] Begun { get; init; } = [];

    /// <summary>The recorded log-probability of each of them.</summary>
    public float[] BegunLogps { get; init; } = [];

    /// <summary>At most so many tokens beyond them; a completion that could go on is then <see cref="Rollout.Unfinished"/>. Null: no such limit.</summary>
    public int? Window { get; init; }

    /// <summary>The longest completion of this prompt where it is shorter than the sampler's own, those it began with included; null: the sampler's own.</summary>
    public int? Longest { get; init; }
}

/// <summary>One sampled completion.</summary>
public sealed record Rollout
{
    /// <summary>The row the prompt comes from.</summary>
    public required Example Example { get; init; }

    /// <summary>What the completions of one prompt share.</summary>
    public required long GroupId { get; init; }

    /// <summary>The completion's number within its group, from 0.</summary>
    public required int Sample { get; init; }

    /// <summary>Tokens of the prompt.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>Tokens of the completion; ends with the end-of-sequence token unless it was truncated or is unfinished.</summary>
    public required int[] Completion { get; init; }

    /// <summary>Log-probability of each completion token under the policy at the sampler's temperature, before top-k and top-p; nats.</summary>
    public required float[] Logps { get; init; }

    /// <summary>The completion's text.</summary>
    public required string Text { get; init; }

    /// <summary>Whether it was cut at the longest length, without an end-of-sequence token.</summary>
    public required bool Truncated { get; init; }

    /// <summary>Whether it stopped at its request's window and could go on; it is then not truncated.</summary>
    public bool Unfinished { get; init; }
}
