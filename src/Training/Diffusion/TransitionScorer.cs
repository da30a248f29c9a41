using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Stored steps under the policy and its reference, a chunk at a time where memory is to stay bounded.</summary>
/// <remarks>
/// With more steps than a chunk holds, the log-densities are first computed without a graph; the loss's gradient with respect to them is then taken on to
/// the weights by running each chunk again. Gradients are the same; the policy runs once more.
/// </remarks>
internal sealed class TransitionScorer(ITrajectorySampler sampler, IDiffusionModel policy, IDiffusionModel? reference, int? chunk)
{
    /// <summary>The densities of edges.</summary>
    /// <param name="trajectories">What was sampled.</param>
    /// <param name="edges">Which of its edges.</param>
    internal ScoredTransitions Score(Trajectories trajectories, int[] edges)
    {
        if (chunk is not { } most || edges.Length <= most)
        {
            var (logps, divergence, fixedLogps) = Under(trajectories, edges);
            return new ScoredTransitions(logps, divergence, fixedLogps, null);
        }

        int[][] chunks = [.. edges.Chunk(most)];
        (Tensor Logps, Tensor? StepKl, Tensor? ReferenceLogps)[] parts;
        using (no_grad())
        {
            parts = [.. chunks.Select(part => InScope(trajectories, part))];
        }

        Tensor? Joined(Func<(Tensor, Tensor?, Tensor?), Tensor?> of) => of(parts[0]) is null ? null : cat([.. parts.Select(part => of(part)!)], 0);
        var (leaf, leafKl) = (Joined(part => part.Item1)!.requires_grad_(), Joined(part => part.Item2)?.requires_grad_());
        return new ScoredTransitions(leaf, leafKl, Joined(part => part.Item3), () =>
        {
            var start = 0L;
            foreach (var part in chunks)
            {
                using var scope = NewDisposeScope();
                var (logps, divergence, _) = Under(trajectories, part);
                var onwards = Onwards(logps, leaf, start);
                onwards = divergence is null ? onwards : onwards + Onwards(divergence, leafKl!, start);
                onwards.backward();
                start += part.Length;
            }
        });
    }

    /// <summary>A number whose gradient with respect to the weights is that of the loss through these values.</summary>
    private static Tensor Onwards(Tensor values, Tensor leaf, long start) =>
        leaf.grad is { } gradient ? (values * gradient.narrow(0, start, values.shape[0])).sum() : 0 * values.sum();

    private (Tensor Logps, Tensor? StepKl, Tensor? ReferenceLogps) InScope(Trajectories trajectories, int[] edges)
    {
        using var scope = NewDisposeScope();
        var (logps, divergence, fixedLogps) = Under(trajectories, edges);
        return (logps.MoveToOuterDisposeScope(), divergence?.MoveToOuterDisposeScope(), fixedLogps?.MoveToOuterDisposeScope());
    }

    private (Tensor Logps, Tensor? StepKl, Tensor? ReferenceLogps) Under(Trajectories trajectories, int[] edges)
    {
        var own = sampler.Densities(policy, trajectories, edges);
        if (reference is null)
        {
            return (own.Logps, null, null);
        }

        TransitionDensities other;
        using (no_grad())
        {
            other = sampler.Densities(reference, trajectories, edges);
        }

        return (own.Logps, StepDivergence.Of(own.Means, other.Means, other.Scales), other.Logps);
    }
}

/// <summary>Stored steps under the policy and its reference.</summary>
/// <param name="Logps">[E] with gradient.</param>
/// <param name="StepKl">[E] with gradient; null without a reference.</param>
/// <param name="ReferenceLogps">[E]; null without a reference.</param>
/// <param name="Backward">Takes the loss's gradient on to the weights; null where the graph is whole.</param>
internal sealed record ScoredTransitions(Tensor Logps, Tensor? StepKl, Tensor? ReferenceLogps, Action? Backward);
