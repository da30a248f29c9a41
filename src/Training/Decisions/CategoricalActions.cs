using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>A choice for each of several components, each by itself; one log-probability for each component.</summary>
public sealed class CategoricalActions : IActionDistribution
{
    private readonly Tensor[] _logps;

    /// <summary>Distributions of unnormalised log-probabilities.</summary>
    /// <param name="logits">[N,A] for each component; the numbers of choices may differ.</param>
    public CategoricalActions(IEnumerable<Tensor> logits)
        : this([.. logits.Select(component => component.log_softmax(-1))])
    {
    }

    private CategoricalActions(Tensor[] logps) => _logps = logps;

    /// <summary>[N,A] log-probabilities of every choice, for each component.</summary>
    public IReadOnlyList<Tensor> LogProbabilities => _logps;

    /// <inheritdoc/>
    public Tensor Mode => stack(_logps.Select(component => component.argmax(1)), 1);

    /// <inheritdoc/>
    public Tensor Entropies => stack(_logps.Select(component => -(component.exp() * component).sum(-1)), 1);

    /// <inheritdoc/>
    public Tensor Sample(Draws draws)
    {
        var rows = (int)_logps[0].shape[0];
        var actions = new long[rows * _logps.Length];
        for (var component = 0; component < _logps.Length; component++)
        {
            var choices = (int)_logps[component].shape[1];
            var probabilities = _logps[component].detach().to_type(ScalarType.Float64).exp().cpu().contiguous().data<double>().ToArray();
            for (var row = 0; row < rows; row++)
            {
                actions[(row * _logps.Length) + component] = Choose(probabilities.AsSpan(row * choices, choices), draws.Key(row).Key(component).Uniform());
            }
        }

        return tensor(actions, [rows, _logps.Length], device: _logps[0].device);
    }

    /// <inheritdoc/>
    public Tensor Logps(Tensor actions)
    {
        ArgumentNullException.ThrowIfNull(actions);
        return cat([.. _logps.Select((component, i) => component.gather(1, actions.narrow(1, i, 1)))], 1);
    }

    /// <inheritdoc/>
    public Tensor? Kl(IActionDistribution other)
    {
        if (other is not CategoricalActions categorical || categorical._logps.Length != _logps.Length)
        {
            return null;
        }

        return stack(_logps.Zip(categorical._logps, (mine, theirs) => (mine.exp() * (mine - theirs)).sum(-1)), 1).sum(1);
    }

    /// <inheritdoc/>
    public IActionDistribution Rows(Tensor rows) => new CategoricalActions((Tensor[])[.. _logps.Select(component => component.index_select(0, rows))]);

    /// <summary>The first choice at which the cumulated probability passes a number in [0,1).</summary>
    private static int Choose(ReadOnlySpan<double> probabilities, double uniform)
    {
        var left = uniform;
        var last = 0;
        for (var choice = 0; choice < probabilities.Length; choice++)
        {
            if (probabilities[choice] <= 0)
            {
                continue;
            }

            last = choice;
            left -= probabilities[choice];
            if (left < 0)
            {
                return choice;
            }
        }

        // Rounding left something over.
        return last;
    }
}
