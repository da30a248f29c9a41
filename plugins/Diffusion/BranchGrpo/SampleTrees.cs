using Plumbline.Training.Diffusion;
using static TorchSharp.torch;

namespace Plumbline.Plugins.BranchGrpo;

/// <summary>How trees grow.</summary>
/// <param name="Splits">Steps at which every node gets several children.</param>
/// <param name="Branching">How many.</param>
/// <param name="Stochastic">[S] whether a step is drawn from its density.</param>
/// <param name="Noise">The noise of a split's children.</param>
internal sealed record GrowthPlan(IReadOnlyCollection<int> Splits, int Branching, IReadOnlyList<bool> Stochastic, SplitNoiseOptions Noise)
{
    internal int Steps => Stochastic.Count;

    internal int Children(int step) => Splits.Contains(step) ? Branching : 1;
}

/// <summary>Trees of samples, all of one shape, level by level. A level's rows are in the order of their parents, so that those of a tree are side by side.</summary>
/// <param name="Levels">[S+1] of [W_d,...]: the states after d steps, each stored once.</param>
/// <param name="Logps">[S] of [W_{d+1}]: the log-density of the edges that a step is; null where it followed the flow.</param>
/// <param name="Clean">[W_S,...] what the network believes of the samples at the last step.</param>
/// <param name="Evaluations">Rows that the network was asked for.</param>
internal sealed record SampleTrees(IReadOnlyList<Tensor> Levels, IReadOnlyList<Tensor?> Logps, Tensor Clean, long Evaluations)
{
    /// <summary>Grows a tree from each root. One call of the network serves all children of a node, and all nodes of a level.</summary>
    /// <param name="roots">[P,...] noise.</param>
    /// <param name="plan">Where they split.</param>
    /// <param name="step">A step, the states [W,...] before it, and whether it follows the flow: the distribution of the next states, or in its mean the next states themselves.</param>
    /// <param name="draw">A step, a name, a number of rows, and what gives the dtype: standard normal noise of so many rows, in the order of the tree.</param>
    /// <param name="reduction">How the elements of a density become one number.</param>
    internal static SampleTrees Grow(
        Tensor roots, GrowthPlan plan, Func<int, Tensor, bool, GaussianStep> step, Func<int, string, long, Tensor, Tensor> draw, DensityReduction reduction = DensityReduction.Mean)
    {
        var (levels, logps, evaluations) = (new List<Tensor> { roots }, new List<Tensor?>(), 0L);
        Tensor? clean = null;
        for (var i = 0; i < plan.Steps; i++)
        {
            var parents = levels[^1];
            evaluations += parents.shape[0];
            var density = step(i, parents, !plan.Stochastic[i]);
            if (!plan.Stochastic[i])
            {
                clean = density.Clean;
                levels.Add(density.Mean.to_type(roots.dtype));
                logps.Add(null);
                continue;
            }

            var children = plan.Children(i);
            if (children > 1)
            {
                density = new GaussianStep(Repeat(density.Clean!), Repeat(density.Mean), Repeat(density.Std));
            }

            var rows = parents.shape[0] * children;
            var noise = draw(i, "own", rows, density.Mean);
            if (children > 1)
            {
                var shared = plan.Noise.SplitNoise == SplitNoise.Correlated ? Repeat(draw(i, "shared", parents.shape[0], density.Mean)) : noise;
                noise = Tree.ChildNoise(shared, noise, plan.Noise);
            }

            clean = density.Clean;
            // As the network will read it: the density is that of the state as it is kept.
            levels.Add(density.Sample(noise).to_type(roots.dtype));
            logps.Add(density.LogDensity(levels[^1], reduction));

            Tensor Repeat(Tensor rows) => rows.repeat_interleave(children, 0);
        }

        return new SampleTrees(levels, logps, clean!.to_type(roots.dtype), evaluations);
    }

    /// <summary>The trees as lists of nodes, level by level, so that parents come before children and leaves at the end.</summary>
    internal NodeLists Nodes()
    {
        var trees = Levels[0].shape[0];
        var (parents, depths, treeIds, logps) = (new List<int>(), new List<int>(), new List<int>(), new List<double>());
        var (before, start) = (0L, 0);
        for (var depth = 0; depth < Levels.Count; depth++)
        {
            var width = Levels[depth].shape[0];
            var own = depth == 0 ? null : Logps[depth - 1]?.to_type(ScalarType.Float64).cpu().data<double>().ToArray();
            for (var row = 0L; row < width; row++)
            {
                parents.Add(depth == 0 ? -1 : (int)(start + (row * before / width)));
                depths.Add(depth);
                treeIds.Add((int)(row * trees / width));
                logps.Add(own?[row] ?? 0);
            }

            start += depth == 0 ? 0 : (int)before;
            before = width;
        }

        return new NodeLists([.. parents], [.. depths], [.. treeIds], [.. logps]);
    }
}

/// <summary>Nodes of trees in lists of one length.</summary>
/// <param name="Parents">A node's parent; -1 for a root.</param>
/// <param name="Depths">Steps from the root.</param>
/// <param name="TreeIds">Which tree.</param>
/// <param name="EdgeLogps">Log-density of the edge that leads to it; 0 for a root and where the step followed the flow.</param>
internal sealed record NodeLists(int[] Parents, int[] Depths, int[] TreeIds, double[] EdgeLogps);
