using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Vectors whose numbers are normally distributed, each by itself; one log-probability for the whole vector.</summary>
/// <param name="mean">[N,D].</param>
/// <param name="logStd">[N,D], or what broadcasts to it.</param>
public sealed class GaussianActions(Tensor mean, Tensor logStd) : IActionDistribution
{
    /// <summary>[N,D].</summary>
    public Tensor Mean { get; } = mean;

    /// <summary>[N,D] the logarithms of the standard deviations.</summary>
    public Tensor LogStd { get; } = logStd.expand_as(mean);

    /// <inheritdoc/>
    public Tensor Mode => Mean.detach();

    /// <inheritdoc/>
    public Tensor Entropies => DiagonalGaussian.Entropy(LogStd).unsqueeze(1);

    /// <inheritdoc/>
    public Tensor Sample(Draws draws)
    {
        var (rows, width) = ((int)Mean.shape[0], (int)Mean.shape[1]);
        var noise = new double[rows * width];
        for (var row = 0; row < rows; row++)
        {
            var own = draws.Key(row);
            for (var d = 0; d < width; d++)
            {
                noise[(row * width) + d] = own.Key(d).Normal();
            }
        }

        using var still = no_grad();
        return Mean + (LogStd.exp() * tensor(noise, [rows, width], device: Mean.device).to_type(Mean.dtype));
    }

    /// <inheritdoc/>
    public Tensor Logps(Tensor actions) => DiagonalGaussian.Logps(actions, Mean, LogStd).unsqueeze(1);

    /// <inheritdoc/>
    public Tensor? Kl(IActionDistribution other) => other is GaussianActions gaussian ? DiagonalGaussian.Kl(Mean, LogStd, gaussian.Mean, gaussian.LogStd) : null;

    /// <inheritdoc/>
    public IActionDistribution Rows(Tensor rows) => new GaussianActions(Mean.index_select(0, rows), LogStd.index_select(0, rows));
}
