namespace Plumbline.Training;

/// <summary>Options of <c>value-loss</c>.</summary>
public sealed record ValueLossOptions
{
    /// <summary>Weight of the loss; a controller may steer it.</summary>
    [Positive]
    public double VfCoef { get; init; } = 0.5;

    /// <summary>How far a value may move from the one recorded while sampling; null: as far as it likes.</summary>
    [Positive]
    public double? ClipRangeValue { get; init; }
}

/// <summary>A loss for the critic, to add to an actor-critic objective that has none: its squared error against the returns, weighted.</summary>
/// <remarks>Inputs: values, old_values, returns, mask [N,T]; vf_coef, a number that takes the option's place. Outputs: loss; value_loss [].</remarks>
[Objective("value-loss")]
public sealed class ValueLoss(ValueLossOptions options) : ActorCriticObjective
{
    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["vf_coef"] = options.VfCoef };

    /// <summary>vf_coef · mean of ½ max((v - R)², (clamp(v, v_old ± range) - R)²).</summary>
    public override Loss Compute(ActorCriticBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("values", "old_values", "returns", "mask");
        var value = Masked.Mean(ClippedValue.PerToken(batch.Values, batch.OldValues, batch.Returns, options.ClipRangeValue), batch.Mask);
        return new Loss((batch.Number("vf_coef") ?? options.VfCoef) * value) { ["value_loss"] = value.detach() };
    }
}
