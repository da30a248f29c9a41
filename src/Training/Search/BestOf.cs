namespace Plumbline.Training.Search;

/// <summary>Options of <c>best-of-n</c>.</summary>
public sealed record BestOfOptions
{
    /// <summary>Paths drawn from the policy.</summary>
    [Positive]
    public int Paths { get; init; } = 8;

    /// <summary>The longest path in steps.</summary>
    [Positive]
    public int Depth { get; init; } = 64;

    /// <summary>What scores a finished path; null: its reward where it has one, and the sum of its log-probabilities where none has.</summary>
    public Part<IStateValue>? Scorer { get; init; }
}

/// <summary>Draws whole paths from the policy and takes the best by a score.</summary>
[Search("best-of-n")]
public sealed class BestOf(BestOfOptions options, IServiceProvider services) : LockstepSearch
{
    private readonly IStateValue _scorer = options.Scorer?.Create(services) ?? new PathOutcome();

    /// <inheritdoc/>
    protected override IEnumerable<Wait> Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Search(run);
    }

    private IEnumerable<Wait> Search(Run run)
    {
        var tree = run.Tree;
        SearchNode[] ends = [.. Enumerable.Repeat(tree[0], options.Paths)];
        for (var depth = 0; depth < options.Depth; depth++)
        {
            int[] open = [.. Enumerable.Range(0, ends.Length).Where(path => !ends[path].State!.Terminal)];
            if (open.Length == 0)
            {
                break;
            }

            // Paths that stand at one state, as all do at the root, are asked for together.
            var groups = open.GroupBy(path => ends[path].Index).ToArray();
            var wait = new Wait([.. groups.Select(group => new Expansion(tree[group.Key].State!, group.Count(), run.Draws.Key("expand").Key(group.Key)) { Last = depth + 1 == options.Depth })]);
            yield return wait;
            var moved = false;
            foreach (var (group, children) in groups.Zip(wait.Children))
            {
                foreach (var (path, child) in group.Zip(children))
                {
                    ends[path] = tree.Add(group.Key, child);
                    moved = true;
                }
            }

            if (!moved)
            {
                break;
            }
        }

        // Whole paths alone are scored, so the states on the way cost no call of a value model.
        var values = _scorer.Values([.. ends.Select(end => end.State!)], run.Space);
        for (var path = 0; path < ends.Length; path++)
        {
            ends[path].Value = ends[path].Q = values[path];
        }

        run.ModelCalls += _scorer.AsksModel ? ends.Length : 0;
        run.Paths = [.. ends.DistinctBy(end => end.Index).OrderByDescending(end => end.Value).Select(end => tree.PathTo(end.Index))];
    }
}
