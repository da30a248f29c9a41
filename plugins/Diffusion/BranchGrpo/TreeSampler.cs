using Plumbline.Training.Diffusion;
using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>Options of <c>branching</c>.</summary>
public sealed record TreeSamplerOptions : StepChainOptions, IChecksItself
{
    /// <summary>The steps at which every node gets several children; null: <c>split_rounds</c> of them, evenly apart.</summary>
    public IReadOnlyList<int>? SplitPoints { get; init; }

    /// <summary>How many splits where <c>split_points</c> is null, at 0, S div rounds, 2 (S div rounds) and so on; null: 4.</summary>
    [Positive]
    public int? SplitRounds { get; init; }

    /// <summary>Children of a node at a split.</summary>
    [Interval(2, 1024)]
    public int Branching { get; init; } = 2;

    /// <summary>How the children of a split get their noise.</summary>
    public SplitNoise SplitNoise { get; init; } = SplitNoise.Correlated;

    /// <summary>s, the weight of a child's own noise.</summary>
    [NonNegative]
    public double SplitNoiseScale { get; init; } = 4.0;

    /// <summary>Beside splits only steps i with i mod <c>mix_interval</c> below this are drawn and train, the others follow the flow; null: all are drawn.</summary>
    [NonNegative]
    public int? MixWindow { get; init; }

    /// <summary>The period of <c>mix_window</c>.</summary>
    [Positive]
    public int MixInterval { get; init; } = 1;

    /// <summary>The sample is what the network believes of the clean one at the last step, not where that step led.</summary>
    public bool CleanSample { get; init; } = true;

    /// <summary>Whether the last step trains. With <c>clean_sample</c> nothing that is scored depends on its noise: training it is noise in the gradient.</summary>
    public bool TrainLastStep { get; init; }

    internal TreeOptions Tree => new() { SamplingSteps = NumInferenceSteps, SplitPoints = SplitPoints, SplitRounds = SplitRounds, Branching = Branching };

    internal MixOptions Mix => new() { SamplingSteps = NumInferenceSteps, SplitPoints = SplitPoints, SplitRounds = SplitRounds, WindowSize = MixWindow ?? 1, SlideInterval = MixWindow is null ? 1 : MixInterval };

    internal SplitNoiseOptions Noise => new() { SplitNoise = SplitNoise, SplitNoiseScale = SplitNoiseScale };

    /// <inheritdoc/>
    public IEnumerable<string> Check() => Tree.Check().Select(broken => broken.Replace("sampling_steps", "num_inference_steps", StringComparison.Ordinal));
}

/// <summary>One tree of samples a condition: they share their beginnings and part at chosen steps, so that the network runs less often than for samples side by side.</summary>
/// <remarks>What is learnt from is edges, each once. It tells the advantage part its <c>last_split_step</c>.</remarks>
[Sampler("branching")]
public sealed class TreeSampler(TreeSamplerOptions options) : ITrajectorySampler
{
    private readonly bool[] _drawn = Tree.MixSteps(options.Mix);
    private readonly int[] _splits = Tree.SplitPoints(options.Tree);

    /// <inheritdoc/>
    public int GroupSize => (int)Tree.Counts(options.Tree).Leaves;

    /// <inheritdoc/>
    /// <exception cref="PlumblineException">Another number of samples than a tree, or several of them, has leaves.</exception>
    public Trajectories Sample(IDiffusionModel model, TrajectoryRequest request, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var still = no_grad();
        var chain = new StepChain(model, options);
        // Without noise nothing parts a node's children: then chains, each from a noise of its own.
        var leaves = request.Deterministic ? 1 : GroupSize;
        var each = (request.Count ?? GroupSize) / leaves;
        if (each * leaves != (request.Count ?? GroupSize) || each == 0)
        {
            throw new PlumblineException($"a tree has {leaves} leaves, and {request.Count} samples a condition are asked for; ask for a multiple, or change split_points or branching");
        }

        int[] groups = [.. Enumerable.Range(0, request.Draws.Count * each).Select(tree => tree / each)];
        Draws[] draws = [.. groups.Select((group, tree) => request.Draws[group].Key("tree").Key(tree % each))];
        bool[] drawn = [.. _drawn.Select((mixed, step) => mixed && !request.Deterministic && chain.Stochastic(step))];
        var plan = new GrowthPlan(request.Deterministic ? [] : _splits, options.Branching, drawn, options.Noise);
        var roots = request.Starts is { } starts ? Rows(starts, groups) : chain.Noise([.. draws.Select(tree => tree.Key("start"))]);
        var trees = SampleTrees.Grow(roots, plan, Step, Draw, options.Reduction);

        var nodes = trees.Nodes();
        int[] children = [.. Enumerable.Range(0, nodes.Parents.Length).Where(node => nodes.Parents[node] >= 0)];
        var last = nodes.Parents.Length - (int)trees.Levels[^1].shape[0];
        return new Trajectories
        {
            States = cat([.. trees.Levels], 0),
            Conditions = request.Conditions,
            Parents = [.. children.Select(child => nodes.Parents[child])],
            Children = children,
            Steps = [.. children.Select(child => nodes.Depths[child] - 1)],
            Groups = [.. children.Select(child => groups[nodes.TreeIds[child]])],
            Trains = [.. children.Select(child => drawn[nodes.Depths[child] - 1] && (options.TrainLastStep || nodes.Depths[child] < plan.Steps))],
            Logps = cat([.. trees.Logps.Select((logps, step) => logps ?? zeros(trees.Levels[step + 1].shape[0], trees.Logps.OfType<Tensor>().FirstOrDefault()?.dtype ?? roots.dtype, roots.device))], 0),
            Samples = options.CleanSample ? trees.Clean : trees.Levels[^1],
            SampleGroups = [.. Enumerable.Range(last, nodes.Parents.Length - last).Select(leaf => groups[nodes.TreeIds[leaf]])],
            Leaves = [.. Enumerable.Range(last, nodes.Parents.Length - last)],
            Rows = [.. Enumerable.Range(0, children.Length).Select(edge => new[] { edge })],
            Evaluations = trees.Evaluations,
            Further = new Dictionary<string, object> { ["last_split_step"] = plan.Splits.Count == 0 ? 0.0 : plan.Splits.Max() },
        };

        GaussianStep Step(int step, Tensor states, bool flow)
        {
            cancel.ThrowIfCancellationRequested();
            var rows = (int)states.shape[0];
            var conditions = request.Conditions is { } asked ? Rows(asked, [.. Enumerable.Range(0, rows).Select(row => groups[(int)((long)row * groups.Length / rows)])]) : null;
            return chain.Step(states, [.. Enumerable.Repeat(step, rows)], conditions, flow);
        }

        Tensor Draw(int step, string name, long rows, Tensor like)
        {
            var width = (int)(rows / groups.Length);
            return chain.Noise([.. Enumerable.Range(0, (int)rows).Select(row => draws[row / width].Key(name).Key(step).Key(row % width))], like);
        }
    }

    /// <inheritdoc/>
    public TransitionDensities Densities(IDiffusionModel model, Trajectories trajectories, IReadOnlyList<int> edges) => new StepChain(model, options).Densities(trajectories, edges);

    private static Tensor Rows(Tensor values, IReadOnlyList<int> places) => values.index_select(0, tensor(places.Select(place => (long)place).ToArray(), device: values.device));
}
