using Plumbline;
using Plumbline.Training;

namespace MyMethod;

#if (pairs)
/// <summary>my-method: what it does, in a sentence.</summary>
/// <remarks>r = beta * (log pi - log ref), summed over the answer; loss = mean of -log sigmoid(r_chosen - r_rejected).</remarks>
[Algorithm("my-method", Loop.OfflinePairs)]
public sealed class MyPart(MyPartOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        batch.RequireShapes(reference: true);
        var chosen = options.Beta * ((batch.PolicyChosenLogps - batch.ReferenceChosenLogps) * batch.ChosenMask).sum(1);
        var rejected = options.Beta * ((batch.PolicyRejectedLogps - batch.ReferenceRejectedLogps) * batch.RejectedMask).sum(1);
        return new Loss(-torch.nn.functional.logsigmoid(chosen - rejected).mean())
        {
            ["chosen_rewards"] = chosen.detach(),
            ["rejected_rewards"] = rejected.detach(),
        };
    }
}
#endif
#if (groups)
/// <summary>my-method: what it does, in a sentence.</summary>
/// <remarks>Per token -A * pi / pi_old, clipped; the mean over all tokens.</remarks>
[Algorithm("my-method", Loop.OnlineGroups)]
public sealed class MyPart(MyPartOptions options) : GroupObjective
{
    /// <inheritdoc/>
    public override Loss Compute(GroupBatch batch)
    {
        batch.RequireSameShape("logps", "old_logps", "mask");
        var ratio = (batch.Logps - (batch.OldLogps ?? batch.Logps).detach()).exp();
        var advantages = batch.Advantages.unsqueeze(1);
        var per = torch.maximum(-advantages * ratio, -advantages * ratio.clamp(1 - options.Clip, 1 + options.Clip));
        return new Loss((per * batch.Mask).sum() / batch.Mask.sum())
        {
            ["ratio"] = ((ratio * batch.Mask).sum() / batch.Mask.sum()).detach(),
        };
    }
}
#endif
#if (sequences)
/// <summary>my-method: what it does, in a sentence.</summary>
/// <remarks>Per token -log pi * w, w = pi to the power alpha without gradient; the mean over all tokens.</remarks>
[Algorithm("my-method", Loop.Sft)]
public sealed class MyPart(MyPartOptions options) : SequenceObjective
{
    /// <inheritdoc/>
    public override Loss Compute(SequenceBatch batch)
    {
        batch.RequireSameShape("logps", "mask");
        var weights = (options.Alpha * batch.Logps).exp().detach();
        return new Loss(-(batch.Logps * weights * batch.Mask).sum() / batch.Mask.sum())
        {
            ["weights"] = ((weights * batch.Mask).sum() / batch.Mask.sum()).detach(),
        };
    }
}
#endif

/// <summary>Options of <c>my-method</c>.</summary>
public sealed record MyPartOptions
{
#if (pairs)
    /// <summary>Scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;
#endif
#if (groups)
    /// <summary>How far the ratio may be from 1 before it stops counting.</summary>
    [Positive]
    public double Clip { get; init; } = 0.2;
#endif
#if (sequences)
    /// <summary>How much less a token counts that the model thinks unlikely; 0: all count alike.</summary>
    [NonNegative]
    public double Alpha { get; init; } = 0.5;
#endif
}
