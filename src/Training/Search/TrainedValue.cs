using Plumbline.Training.Models;

namespace Plumbline.Training.Search;

/// <summary>Options of <c>trained-value</c>.</summary>
public sealed record TrainedValueOptions
{
    /// <summary>The role of the value function.</summary>
    public string Role { get; init; } = "value";
}

/// <summary>The value of a state by a value function that an earlier stage has trained beside the policy; a finished answer is as good as the state before its end.</summary>
[Part(SearchKinds.StateValue, "trained-value")]
public sealed class TrainedValue(TrainedValueOptions options, RunContext run) : IStateValue
{
    /// <inheritdoc/>
    public bool AsksModel => true;

    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(space);
        var eos = (space.Policy as ICausalModel ?? throw new PlumblineException("trained-value reads texts, and the policy of this search is no language model")).Tokenizer.EosId;
        return run.Models.Get<ValueModel>(options.Role).After([.. states.Select(state => new PromptedSequence(Read(state), []))]);

        // What comes after the end-of-sequence token was never learnt.
        int[] Read(SearchState state) => state.Context.Count > 1 && state.Context[^1] == eos ? [.. state.Context.SkipLast(1)] : [.. state.Context];
    }
}
