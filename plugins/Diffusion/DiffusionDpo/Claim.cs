using static TorchSharp.torch;

namespace Plumbline.Plugins.DiffusionDpo;

/// <summary>Options of <c>diffusion-dpo-preferred</c>.</summary>
public sealed record PreferredOptions
{
    /// <summary>Pairs with the columns chosen and, where there are conditions, condition.</summary>
    public required Part<ITensorData> Pairs { get; init; }
}

/// <summary>The better samples of pairs alone, for fine-tuning by denoising: the baseline of the claim of diffusion-dpo.</summary>
[Data("diffusion-dpo-preferred")]
public sealed class Preferred(PreferredOptions options, IServiceProvider services) : ITensorData
{
    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        using var pairs = options.Pairs.Create(services).Load(run);
        var samples = new Dictionary<string, Tensor> { ["clean"] = pairs.Column("chosen").clone() };
        if (pairs.Train.TryGetValue("condition", out var condition))
        {
            samples["condition"] = condition.clone();
        }

        return new TensorSet(samples);
    }
}
