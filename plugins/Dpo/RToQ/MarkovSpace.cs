using Plumbline.Training.Search;

namespace Plumbline.Plugins.RToQ;

/// <summary>A sequence of a Markov model so far.</summary>
internal sealed class MarkovState : SearchState
{
    /// <summary>Its last token.</summary>
    internal required int Token { get; init; }

    /// <summary>The sum of its log-probabilities, nats.</summary>
    internal double Score { get; init; }
}

/// <summary>The sequences of a Markov model as a space to search, each step a token; it scores them, too.</summary>
internal sealed class MarkovSpace(double[][] logps, int start, int? eos) : ISearchSpace, IStateValue, IServiceProvider
{
    /// <inheritdoc/>
    public IModel Policy => throw new NotSupportedException("a table of transitions is no model of a run");

    /// <inheritdoc/>
    public IReadOnlyList<SearchState> Roots(IReadOnlyList<SearchTask> tasks) => [.. tasks.Select(task => new MarkovState { Task = task, Token = start })];

    /// <inheritdoc/>
    public void Expand(IReadOnlyList<Expansion> expansions, CancellationToken cancel)
    {
        foreach (var expansion in expansions)
        {
            var from = (MarkovState)expansion.State;
            var next = logps[from.Token];
            // A stable order: of equal tokens the lowest comes first.
            expansion.Children = [.. Enumerable.Range(0, next.Length).OrderByDescending(token => next[token]).Take(expansion.Count).Select(token => new MarkovState
            {
                Task = from.Task,
                Parent = from,
                Step = new SearchStep(string.Empty, [token], [(float)next[token]]),
                Token = token,
                Score = from.Score + next[token],
                Terminal = token == eos,
            })];
        }
    }

    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space) => [.. states.Select(state => ((MarkovState)state).Score)];

    /// <inheritdoc/>
    public object? GetService(Type serviceType) => null;

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
