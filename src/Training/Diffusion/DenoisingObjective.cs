namespace Plumbline.Training.Diffusion;

/// <summary>A network's predictions beside what they should be.</summary>
/// <remarks>Inputs: prediction, target [B,…]; alpha_bar [B] on the path diffusion.</remarks>
public class DenoisingBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public DenoisingBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch.</summary>
    public DenoisingBatch()
    {
    }

    /// <summary>What the network predicts.</summary>
    public PredictionKind Kind { get; init; } = PredictionKind.Epsilon;

    /// <summary>[B,…] the network's.</summary>
    public Tensor Prediction => this["prediction"];

    /// <summary>[B,…] what it should be.</summary>
    public Tensor Target => this["target"];

    /// <summary>[B] ᾱ; null on the path flow.</summary>
    public Tensor? AlphaBar => Find("alpha_bar");
}

/// <summary>An objective over predictions of what lies under noise.</summary>
public abstract class DenoisingObjective : Objective<DenoisingBatch>;

/// <summary>Options of <c>denoising-loss</c>.</summary>
public sealed record DenoisingErrorOptions
{
    /// <summary>How much a sample counts by its noise.</summary>
    public DenoisingWeighting Weighting { get; init; } = DenoisingWeighting.None;

    /// <summary>Where min_snr cuts.</summary>
    [Positive]
    public double MinSnrGamma { get; init; } = 5;
}

/// <summary>The mean square error of what the network predicts, each sample weighed by its noise where that is asked for.</summary>
[Objective("denoising-loss")]
public sealed class DenoisingError(DenoisingErrorOptions options) : DenoisingObjective
{
    /// <inheritdoc/>
    public override Loss Compute(DenoisingBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var errors = DenoisingLoss.PerSample(batch.Prediction, batch.Target);
        if (options.Weighting == DenoisingWeighting.None)
        {
            return new Loss(errors.mean());
        }

        var alphaBar = batch.AlphaBar ?? throw new InvalidInputException("weighting min_snr belongs to the path diffusion, and this model's path is flow");
        var weights = DenoisingLoss.MinSnr(alphaBar, batch.Kind, options.MinSnrGamma).to(errors.dtype, errors.device);
        return new Loss((weights * errors).mean()) { ["mean_square_error"] = errors.detach(), ["weights"] = weights };
    }
}
