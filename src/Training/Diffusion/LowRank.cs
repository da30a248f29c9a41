namespace Plumbline.Training.Diffusion;

/// <summary>Options of <see cref="LowRank.Compute"/>.</summary>
public sealed record LowRankOptions
{
    /// <summary>The change is scaled by alpha/rank; null: alpha is the rank.</summary>
    [Positive]
    public double? Alpha { get; init; }
}

/// <summary>Low-rank adapters (LoRA, arXiv 2106.09685): x Wᵀ + (α/r) x Aᵀ Bᵀ, W frozen.</summary>
public static class LowRank
{
    /// <summary>The change [...,out] that an adapter adds to a linear layer's output.</summary>
    /// <param name="inputs">[...,in].</param>
    /// <param name="a">[r,in].</param>
    /// <param name="b">[out,r].</param>
    /// <param name="scale">α/r.</param>
    public static Tensor Change(Tensor inputs, Tensor a, Tensor b, double scale)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return scale * inputs.matmul(a.t()).matmul(b.t());
    }

    /// <summary>The weight [out,in] that does in one layer what layer and adapter do together.</summary>
    public static Tensor Merged(Tensor weight, Tensor a, Tensor b, double scale)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        return weight + (scale * b.matmul(a));
    }

    /// <summary>outputs [B,out], merged_weight [out,in]; loss = sum of outputs·probe.</summary>
    /// <param name="inputs">[B,in].</param>
    /// <param name="weight">[out,in].</param>
    /// <param name="loraA">[r,in].</param>
    /// <param name="loraB">[out,r].</param>
    /// <param name="probe">[B,out].</param>
    /// <param name="options">The scale.</param>
    [Target("diffusion-baseline/lora")]
    public static Loss Compute(Tensor inputs, Tensor weight, Tensor loraA, Tensor loraB, Tensor probe, LowRankOptions options)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(loraA);
        ArgumentNullException.ThrowIfNull(options);
        var rank = loraA.shape[0];
        var scale = (options.Alpha ?? rank) / rank;
        var outputs = inputs.matmul(weight.t()) + Change(inputs, loraA, loraB, scale);
        return new Loss((outputs * probe).sum()) { ["outputs"] = outputs.detach(), ["merged_weight"] = Merged(weight, loraA, loraB, scale).detach() };
    }
}
