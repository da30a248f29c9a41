using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of the sampler <c>diffusion</c>.</summary>
public sealed record TrajectorySamplerOptions : StepChainOptions
{
    /// <summary>Samples a condition.</summary>
    [Positive]
    public int GroupSize { get; init; } = 1;

    /// <summary>All samples of a condition start from one noise.</summary>
    public bool SharedNoise { get; init; }

    /// <summary>The sample is what the network believes of the clean one at the last step, not where that step led.</summary>
    public bool CleanSample { get; init; }

    /// <summary>Whether the last step trains.</summary>
    public bool TrainLastStep { get; init; } = true;
}

/// <summary>Trajectories side by side, each from noise to sample by steps of DDIM or of a stochastic flow.</summary>
[Sampler("diffusion")]
public sealed class TrajectorySampler(TrajectorySamplerOptions options) : ITrajectorySampler
{
    /// <inheritdoc/>
    public int GroupSize => options.GroupSize;

    /// <inheritdoc/>
    public Trajectories Sample(IDiffusionModel model, TrajectoryRequest request, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var still = no_grad();
        var chain = new StepChain(model, options);
        var (each, steps) = (request.Count ?? GroupSize, chain.Count);
        var rows = request.Draws.Count * each;
        int[] groups = [.. Enumerable.Range(0, rows).Select(row => row / each)];
        var draws = request.Draws;
        Draws Own(int row) => draws[row / each].Key("sample").Key(row % each);

        var place = tensor(groups.Select(group => (long)group).ToArray());
        var conditions = request.Conditions?.index_select(0, place.to(request.Conditions.device));
        var x = request.Starts is { } starts ? starts.index_select(0, place.to(starts.device))
            : chain.Noise([.. Enumerable.Range(0, rows).Select(row => (options.SharedNoise ? draws[row / each] : Own(row)).Key("start"))]);
        var (states, logps) = (new List<Tensor> { x }, new List<Tensor>());
        for (var step = 0; step < steps; step++)
        {
            cancel.ThrowIfCancellationRequested();
            var stochastic = chain.Stochastic(step) && !request.Deterministic;
            var next = chain.Step(x, [.. Enumerable.Repeat(step, rows)], conditions, request.Deterministic);
            // As the network will read it: the density is that of the state as it is kept.
            var drawn = stochastic ? next.Sample(chain.Noise([.. Enumerable.Range(0, rows).Select(row => Own(row).Key("step").Key(step))], next.Mean)) : next.Mean;
            x = drawn.to_type(x.dtype);
            logps.Add(stochastic ? next.LogDensity(x, options.Reduction) : zeros(rows, next.Mean.dtype, x.device));
            states.Add(x);
            if (step == steps - 1 && options.CleanSample)
            {
                x = next.Clean!.to_type(x.dtype);
            }
        }

        bool Trains(int step) => !request.Deterministic && chain.Stochastic(step) && (options.TrainLastStep || step < steps - 1);
        var edges = Enumerable.Range(0, steps * rows);
        return new Trajectories
        {
            States = cat(states, 0),
            Conditions = request.Conditions,
            Parents = [.. edges],
            Children = [.. edges.Select(edge => edge + rows)],
            Steps = [.. edges.Select(edge => edge / rows)],
            Groups = [.. edges.Select(edge => groups[edge % rows])],
            Trains = [.. edges.Select(edge => Trains(edge / rows))],
            Logps = cat(logps, 0),
            Samples = x,
            SampleGroups = groups,
            Leaves = [.. Enumerable.Range(steps * rows, rows)],
            Rows = [.. Enumerable.Range(0, rows).Select(row => Enumerable.Range(0, steps).Select(step => (step * rows) + row).ToArray())],
            Evaluations = (long)steps * rows,
        };
    }

    /// <inheritdoc/>
    public TransitionDensities Densities(IDiffusionModel model, Trajectories trajectories, IReadOnlyList<int> edges) => new StepChain(model, options).Densities(trajectories, edges);
}
