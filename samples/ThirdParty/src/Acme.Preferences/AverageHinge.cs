using Plumbline;
using Plumbline.Training;

namespace Acme.Preferences;

/// <summary>A hinge on the difference of average log-probabilities: the better answer shall be likelier by a margin, a token for a token; no reference model.</summary>
/// <remarks>
/// a = sum(logp * mask) / sum(mask) of each answer; loss = mean of max(0, margin - (a_chosen - a_rejected)).
/// Inputs are [pairs, tokens]; masks are 1 on answer tokens.
/// </remarks>
[Algorithm("acme-hinge", Loop.OfflinePairs)]
public sealed class AverageHinge(AverageHingeOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        batch.RequireShapes(reference: false);
        var chosen = (batch.PolicyChosenLogps * batch.ChosenMask).sum(1) / batch.ChosenMask.sum(1);
        var rejected = (batch.PolicyRejectedLogps * batch.RejectedMask).sum(1) / batch.RejectedMask.sum(1);
        var gap = chosen - rejected;
        return new Loss((options.Margin - gap).clamp_min(0).mean())
        {
            ["gap"] = gap.mean().detach(),
            ["within_margin"] = gap.lt(options.Margin).to_type(gap.dtype).mean(),
        };
    }
}

/// <summary>Options of <c>acme-hinge</c>.</summary>
public sealed record AverageHingeOptions
{
    /// <summary>Nats a token by which the better answer shall be likelier.</summary>
    [Positive]
    public double Margin { get; init; } = 1.0;
}
