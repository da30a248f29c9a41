namespace Plumbline.Training.Search;

/// <summary>A search written for one task, as an iterator that yields the requests it waits for; all tasks go in step, so that a space answers them together.</summary>
public abstract class LockstepSearch : ISearch
{
    /// <inheritdoc/>
    public IReadOnlyList<SearchResult> Search(ISearchSpace space, IReadOnlyList<SearchState> roots, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(roots);
        Run[] runs = [.. roots.Select(root => new Run(root, space))];
        var going = runs.Select(run => (Run: run, Waits: Begin(run).GetEnumerator())).ToList();
        try
        {
            while (true)
            {
                cancel.ThrowIfCancellationRequested();
                foreach (var done in going.Where(search => !search.Waits.MoveNext()).ToList())
                {
                    done.Waits.Dispose();
                    going.Remove(done);
                }

                if (going.Count == 0)
                {
                    break;
                }

                Expansion[] wanted = [.. going.SelectMany(search => search.Waits.Current.Expansions)];
                if (wanted.Length > 0)
                {
                    space.Expand(wanted, cancel);
                }

                Judge(going, space);
            }
        }
        finally
        {
            going.ForEach(search => search.Waits.Dispose());
        }

        return [.. runs.Select(run => run.Paths.Count > 0 ? new SearchResult(run.Tree, run.Paths, run.ModelCalls, run.EnvironmentSteps)
            : throw new InvalidOperationException($"{GetType().Name} ended without a path"))];
    }

    /// <summary>What values states; null where the search asks for none.</summary>
    protected virtual IStateValue? Value => null;

    /// <summary>The search of one task. After each yield the requests are answered and their children have values; at its end the run has its paths.</summary>
    protected abstract IEnumerable<Wait> Begin(Run run);

    /// <summary>Values the children that searches asked to have valued, all at once.</summary>
    private void Judge(List<(Run Run, IEnumerator<Wait> Waits)> going, ISearchSpace space)
    {
        foreach (var (run, waits) in going)
        {
            foreach (var expansion in waits.Current.Expansions)
            {
                run.ModelCalls += expansion.ModelCalls;
                run.EnvironmentSteps += expansion.EnvironmentSteps;
            }

            waits.Current.Children = [.. waits.Current.Expansions.Select(expansion => (IReadOnlyList<SearchState>)waits.Current.Choose(expansion.Children))];
        }

        if (Value is not { } value)
        {
            return;
        }

        SearchState[] states = [.. going.SelectMany(search => search.Waits.Current.Children).SelectMany(children => children)];
        if (states.Length == 0)
        {
            return;
        }

        var values = value.Values(states, space);
        if (values.Length != states.Length || values.Any(number => !double.IsFinite(number)))
        {
            throw new PlumblineException($"{value.GetType().Name} valued {states.Length} states by {values.Length} numbers{(values.Length == states.Length ? ", and not all of them are finite" : string.Empty)}");
        }

        var at = 0;
        foreach (var (run, waits) in going)
        {
            waits.Current.Values = [.. waits.Current.Children.Select(children =>
            {
                at += children.Count;
                return values[(at - children.Count)..at];
            })];
            run.ModelCalls += value.AsksModel ? waits.Current.Children.Sum(children => children.Count) : 0;
        }
    }

    /// <summary>The search of one task while it goes on.</summary>
    /// <param name="root">Where it begins.</param>
    /// <param name="space">What is searched.</param>
    protected sealed class Run(SearchState root, ISearchSpace space)
    {
        /// <summary>What was looked at so far.</summary>
        public SearchTree Tree { get; } = new(root);

        /// <summary>What is searched.</summary>
        public ISearchSpace Space { get; } = space;

        /// <summary>Source of chance of this task.</summary>
        public Draws Draws { get; } = root.Task.Draws;

        /// <summary>The paths chosen, the best first; to be filled at the end.</summary>
        public IReadOnlyList<IReadOnlyList<int>> Paths { get; set; } = [];

        /// <summary>Steps asked for and states valued by a model.</summary>
        public int ModelCalls { get; internal set; }

        /// <summary>Steps of an environment.</summary>
        public int EnvironmentSteps { get; internal set; }
    }

    /// <summary>Requests that a search waits for.</summary>
    /// <param name="expansions">The requests.</param>
    /// <param name="choose">Which children of a request count, before they are valued; null: all.</param>
    protected sealed class Wait(IReadOnlyList<Expansion> expansions, Func<IReadOnlyList<SearchState>, IEnumerable<SearchState>>? choose = null)
    {
        /// <summary>The requests.</summary>
        public IReadOnlyList<Expansion> Expansions { get; } = expansions;

        /// <summary>The children of each request that count.</summary>
        public IReadOnlyList<IReadOnlyList<SearchState>> Children { get; internal set; } = [];

        /// <summary>The value of each of them; empty where the search asks for none.</summary>
        public IReadOnlyList<double[]> Values { get; internal set; } = [];

        internal SearchState[] Choose(IReadOnlyList<SearchState> children) => [.. choose is null ? children : choose(children)];
    }
}
