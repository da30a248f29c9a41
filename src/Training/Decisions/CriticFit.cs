using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>A critic that is fitted to the returns of a batch by itself, with an optimiser of its own.</summary>
/// <param name="critic">The critic.</param>
/// <param name="target">The name of its returns.</param>
/// <param name="options">The stage's.</param>
internal sealed class CriticFit(ValueNetwork critic, string target, EnvironmentOptions options) : IDisposable
{
    private readonly Optimization _optimization = new(critic.Parameters, options, options.CriticLearningRate);

    /// <summary>Some passes over the decisions of a batch.</summary>
    /// <param name="step">The stage's step.</param>
    /// <param name="whole">Returns and mask [N,T].</param>
    /// <param name="seen">[N,T,D] what it judges.</param>
    /// <param name="draws">Source of the minibatches' order.</param>
    /// <param name="name">Begins the metrics' names.</param>
    /// <param name="metrics">Takes the loss and the gradient's norm of the last update.</param>
    internal void Fit(int step, Batch whole, Tensor seen, Draws draws, string name, Dictionary<string, double> metrics)
    {
        using var scope = NewDisposeScope();
        var kept = whole["mask"].reshape(-1).nonzero().reshape(-1);
        var (observations, returns) = (seen.flatten(0, 1).index_select(0, kept), whole[target].reshape(-1).index_select(0, kept).detach());
        Tensor old;
        using (no_grad())
        {
            old = critic.Values(observations);
        }

        var decisions = (int)kept.shape[0];
        for (var epoch = 0; epoch < options.CriticEpochs; epoch++)
        {
            if (options.CriticBatchSize is not { } size || size >= decisions)
            {
                Update(observations, returns, old);
                continue;
            }

            var order = tensor(draws.Key(epoch).Permutation(decisions).Select(place => (long)place).ToArray(), device: kept.device);
            for (var start = 0; start < decisions; start += size)
            {
                var rows = order.narrow(0, start, Math.Min(size, decisions - start));
                Update(observations.index_select(0, rows), returns.index_select(0, rows), old.index_select(0, rows));
            }
        }

        void Update(Tensor inputs, Tensor targets, Tensor before)
        {
            using var update = NewDisposeScope();
            // Without the half of the clipped value loss, as it is usual where a critic learns by itself.
            var loss = 2 * ClippedValue.PerToken(critic.Values(inputs), before, targets, options.CriticClipRange).mean();
            metrics[name + "_loss"] = loss.ToDouble();
            (metrics[name + "_grad_norm"], _) = _optimization.Step(loss, step);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _optimization.Dispose();
}
