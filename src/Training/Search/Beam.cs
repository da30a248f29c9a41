namespace Plumbline.Training.Search;

/// <summary>What becomes of a path that is finished while others go on.</summary>
public enum FinishedPaths
{
    /// <summary>It keeps its place among the beams as long as its score lets it.</summary>
    Compete,

    /// <summary>It leaves the beams for the answers, and the others go on without it.</summary>
    SetAside,
}

/// <summary>Options of <c>beam</c>.</summary>
public sealed record BeamOptions
{
    /// <summary>Paths kept after each step.</summary>
    [Positive]
    public int Beams { get; init; } = 5;

    /// <summary>The longest path in steps.</summary>
    [Positive]
    public int Depth { get; init; } = 8;

    /// <summary>How the steps that lead on from a path are picked.</summary>
    public Proposal Proposal { get; init; } = Proposal.Likeliest;

    /// <summary>Steps proposed for each path; null: as many as there are beams, which misses nothing where they are the likeliest and paths are scored by likelihood.</summary>
    [Positive]
    public int? Candidates { get; init; }

    /// <summary>What scores a path; null: the sum of its log-probabilities under the policy.</summary>
    public Part<IStateValue>? Scorer { get; init; }

    /// <summary>At the end a path's score is divided by its length in tokens to this power.</summary>
    public double LengthPower { get; init; }

    /// <summary>What becomes of a path that is finished while others go on.</summary>
    public FinishedPaths Finished { get; init; } = FinishedPaths.Compete;
}

/// <summary>Beam search: extends each kept path by several steps and keeps the best; by the policy's likelihood, or by a value of states.</summary>
/// <remarks>Of equal scores the path comes first whose beam came first, then the step that was proposed first. All paths that are left at the end are given, the best first.</remarks>
[Search("beam")]
public sealed class Beam(BeamOptions options, IServiceProvider services) : LockstepSearch
{
    private readonly IStateValue _scorer = options.Scorer?.Create(services) ?? new PathLikelihood();

    /// <inheritdoc/>
    protected override IStateValue? Value => _scorer;

    /// <inheritdoc/>
    protected override IEnumerable<Wait> Begin(Run run)
    {
        ArgumentNullException.ThrowIfNull(run);
        return Search(run);
    }

    private IEnumerable<Wait> Search(Run run)
    {
        var tree = run.Tree;
        List<SearchNode> beams = [tree[0]], answers = [];
        for (var depth = 0; depth < options.Depth; depth++)
        {
            SearchNode[] open = [.. beams.Where(beam => !beam.State!.Terminal)];
            if (open.Length == 0)
            {
                break;
            }

            var wait = new Wait([.. open.Select(beam => new Expansion(beam.State!, options.Candidates ?? options.Beams, run.Draws.Key("expand").Key(beam.Index))
            {
                Proposal = options.Proposal,
                Last = depth + 1 == options.Depth,
            })]);
            yield return wait;
            var candidates = new List<SearchNode>();
            foreach (var beam in beams)
            {
                var place = Array.IndexOf(open, beam);
                if (place < 0)
                {
                    // Finished before: it competes with the others by the score it has.
                    candidates.Add(beam);
                    continue;
                }

                for (var i = 0; i < wait.Children[place].Count; i++)
                {
                    var child = tree.Add(beam.Index, wait.Children[place][i]);
                    child.Value = child.Q = wait.Values[place][i];
                    candidates.Add(child);
                }
            }

            if (candidates.Count == 0)
            {
                break;
            }

            // A stable sort: equal scores stay in the order of beams and of proposals.
            beams = [.. candidates.OrderByDescending(candidate => candidate.Value).Take(options.Beams)];
            beams.ForEach(beam => beam.Visits++);
            if (options.Finished == FinishedPaths.SetAside)
            {
                answers.AddRange(beams.Where(beam => beam.State!.Terminal));
                beams.RemoveAll(beam => beam.State!.Terminal);
            }
        }

        run.Paths = [.. answers.Concat(beams).OrderByDescending(Final).Select(end => tree.PathTo(end.Index))];
    }

    private double Final(SearchNode end) => end.Value / Math.Pow(Math.Max(1, end.State!.Steps.Sum(step => step.Logps.Length)), options.LengthPower);
}
