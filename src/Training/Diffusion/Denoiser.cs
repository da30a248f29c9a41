using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>A model as a sampler uses it: guided, and counted.</summary>
public sealed class Denoiser
{
    private readonly double _scale;
    private readonly double _rescale;
    private readonly bool _detach;

    /// <summary>A guided model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="guidanceScale">1: the conditional prediction alone, at half the cost.</param>
    /// <param name="guidanceRescale">How much of each row's spread is brought back to that of the conditional prediction.</param>
    /// <param name="detachUnconditional">No gradient goes through the prediction without condition.</param>
    public Denoiser(IDiffusionModel model, double guidanceScale = 1, double guidanceRescale = 0, bool detachUnconditional = false)
    {
        ArgumentNullException.ThrowIfNull(model);
        (Model, _scale, _rescale, _detach) = (model, guidanceScale, guidanceRescale, detachUnconditional);
        if (guidanceScale != 1 && model.Classes == 0)
        {
            throw new PlumblineException("guidance_scale is not 1, and the model takes no condition: there is nothing to be guided by");
        }
    }

    /// <summary>The model.</summary>
    public IDiffusionModel Model { get; }

    /// <summary>Rows that went through the network so far; a guided row counts twice.</summary>
    public long Evaluations { get; private set; }

    /// <summary>What the network says: [B,…SampleShape].</summary>
    /// <param name="noisy">[B,…SampleShape].</param>
    /// <param name="time">[B] in [0,1].</param>
    /// <param name="condition">[B]; null: none.</param>
    public Tensor Predict(Tensor noisy, Tensor time, Tensor? condition)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        ArgumentNullException.ThrowIfNull(time);
        var rows = noisy.shape[0];
        if (_scale == 1 || condition is null)
        {
            Evaluations += rows;
            return Model.Predict(noisy, time, condition);
        }

        Evaluations += 2 * rows;
        if (_detach)
        {
            Tensor without;
            using (no_grad())
            {
                without = Model.Predict(noisy, time, null);
            }

            return Guidance.Combine(Model.Predict(noisy, time, condition), without, _scale, _rescale);
        }

        var none = zeros(rows, ScalarType.Bool, noisy.device);
        var both = Model.Predict(cat([noisy, noisy], 0), cat([time, time], 0), cat([condition, condition], 0), cat([none, none.logical_not()], 0));
        return Guidance.Combine(both.narrow(0, 0, rows), both.narrow(0, rows, rows), _scale, _rescale);
    }
}
