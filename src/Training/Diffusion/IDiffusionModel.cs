namespace Plumbline.Training.Diffusion;

/// <summary>A denoising model that knows what it denoises: no stage, sampler or evaluation has to say it again.</summary>
public interface IDiffusionModel : IDenoisingModel
{
    /// <summary>The path from sample to noise, and what the network predicts.</summary>
    NoiseProcess Process { get; }

    /// <summary>Classes that it can be asked for; 0: it takes no condition.</summary>
    int Classes { get; }
}
