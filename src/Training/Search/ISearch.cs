namespace Plumbline.Training.Search;

/// <summary>The kinds of part that a search is composed of, beside <see cref="Kinds.Search"/>.</summary>
public static class SearchKinds
{
    /// <summary>What is searched, and by which policy: states and the steps that lead on.</summary>
    public const string Space = "search-space";

    /// <summary>How good a state is before anything below it was seen.</summary>
    public const string StateValue = "state-value";

    /// <summary>A searched tree to pairs of a better and a worse step.</summary>
    public const string TreePairs = "tree-pairs";
}

/// <summary>Looks for good paths in a space of steps.</summary>
[Kind(Kinds.Search)]
public interface ISearch
{
    /// <summary>Searches each task from its root. What is found for one does not depend on the others; they go together so that the policy is asked for many steps at a time.</summary>
    /// <returns>One result a root, in order.</returns>
    IReadOnlyList<SearchResult> Search(ISearchSpace space, IReadOnlyList<SearchState> roots, CancellationToken cancel = default);
}

/// <summary>Opens a space for a policy.</summary>
[Kind(SearchKinds.Space)]
public interface ISearchSpaces
{
    /// <summary>The temperature at which steps are proposed and their log-probabilities recorded.</summary>
    double Temperature => 1;

    /// <summary>A space in which this policy proposes the steps.</summary>
    ISearchSpace Open(IModel policy);
}

/// <summary>States and the steps that lead on from each. Holds what makes going on cheap (key-value caches, episodes) until it is disposed of.</summary>
public interface ISearchSpace : IDisposable
{
    /// <summary>The policy that proposes.</summary>
    IModel Policy { get; }

    /// <summary>Where the searches of tasks begin.</summary>
    IReadOnlyList<SearchState> Roots(IReadOnlyList<SearchTask> tasks);

    /// <summary>Answers requests for steps, all at once: fills <see cref="Expansion.Children"/> and the counts of each.</summary>
    void Expand(IReadOnlyList<Expansion> expansions, CancellationToken cancel);
}

/// <summary>How a space picks the steps that it proposes.</summary>
public enum Proposal
{
    /// <summary>Drawn from the policy; the same step may come several times.</summary>
    Sampled,

    /// <summary>The likeliest steps, the likeliest first, of equals the one that comes first in the policy's own order.</summary>
    Likeliest,
}

/// <summary>A request for steps that lead on from a state, and the answer.</summary>
/// <param name="state">The state; not terminal.</param>
/// <param name="count">Steps wanted; with <see cref="Proposal.Likeliest"/> there may be fewer.</param>
/// <param name="draws">Source of chance; step i of the request draws by its key i.</param>
public sealed class Expansion(SearchState state, int count, Draws draws)
{
    /// <summary>The state to go on from.</summary>
    public SearchState State { get; } = state;

    /// <summary>Steps wanted.</summary>
    public int Count { get; } = count;

    /// <summary>Source of chance.</summary>
    public Draws Draws { get; } = draws;

    /// <summary>How the steps are picked.</summary>
    public Proposal Proposal { get; init; }

    /// <summary>No further step will follow: where a path may be of any length, this one goes on to its end.</summary>
    public bool Last { get; init; }

    /// <summary>The states after the steps, in the order they were proposed; none where nothing leads on.</summary>
    public IReadOnlyList<SearchState> Children { get; set; } = [];

    /// <summary>Steps that the policy was asked for.</summary>
    public int ModelCalls { get; set; }

    /// <summary>Steps that an environment took.</summary>
    public int EnvironmentSteps { get; set; }
}

/// <summary>What a search of one task came to.</summary>
/// <param name="Tree">All that was looked at.</param>
/// <param name="Paths">The paths chosen, from the root on, the best first; at least one.</param>
/// <param name="ModelCalls">Steps that the policy was asked for, and states that a model was asked to value.</param>
/// <param name="EnvironmentSteps">Steps that an environment took.</param>
public sealed record SearchResult(SearchTree Tree, IReadOnlyList<IReadOnlyList<int>> Paths, int ModelCalls, int EnvironmentSteps)
{
    /// <summary>The state at the end of the best path.</summary>
    public SearchState Best => Tree[Paths[0][^1]].State!;
}

/// <summary>How good states are before anything below them was seen.</summary>
[Kind(SearchKinds.StateValue)]
public interface IStateValue
{
    /// <summary>Whether a model is asked for each value: what a search counts.</summary>
    bool AsksModel => false;

    /// <summary>A number a state; higher is better. A search that wants a probability says so and refuses others.</summary>
    /// <param name="states">States of this space.</param>
    /// <param name="space">The space, with the policy that searches it.</param>
    double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space);
}

/// <summary>A searched tree to pairs of sibling steps.</summary>
[Kind(SearchKinds.TreePairs)]
public interface ITreePairs
{
    /// <summary>Names of the numbers that each pair brings for the objective, such as <c>chosen_visits</c>.</summary>
    IReadOnlyList<string> Columns => [];

    /// <summary>The pairs of one search, the most useful first.</summary>
    IReadOnlyList<TreePair> Pairs(SearchResult result);
}

/// <summary>Two children of one node.</summary>
/// <param name="Node">The state of the decision.</param>
/// <param name="Chosen">The better child.</param>
/// <param name="Rejected">The worse child.</param>
public sealed record TreePair(int Node, int Chosen, int Rejected)
{
    /// <summary>A number for each of <see cref="ITreePairs.Columns"/>.</summary>
    public IReadOnlyDictionary<string, double> Numbers { get; init; } = new Dictionary<string, double>();
}
