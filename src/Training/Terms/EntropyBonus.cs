namespace Plumbline.Training;

/// <summary>Options of <c>entropy-bonus</c>.</summary>
public sealed record EntropyBonusOptions
{
    /// <summary>Weight of the entropy, which is subtracted from the loss; a controller may steer it. 0 only measures.</summary>
    public double EntropyCoef { get; init; } = 0.01;
}

/// <summary>A reward for undecidedness, to add to any objective on groups: minus the mean entropy of the tokens' distributions, weighted.</summary>
/// <remarks>Inputs: entropies, mask [N,T]; entropy_coef, a number that takes the option's place. Outputs: loss; entropy [] in nats a token.</remarks>
[Objective("entropy-bonus")]
public sealed class EntropyBonus(EntropyBonusOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Entropies;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["entropy_coef"] = options.EntropyCoef };

    /// <summary>-entropy_coef · mean over tokens of the entropy.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("entropies", "mask");
        var entropy = Masked.Mean(batch.Entropies, batch.Mask);
        return new Loss(-(batch.Number("entropy_coef") ?? options.EntropyCoef) * entropy) { ["entropy"] = entropy.detach() };
    }
}
