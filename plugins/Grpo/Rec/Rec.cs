using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Rec;

/// <summary>Group-relative REINFORCE with each ingredient apart: clipping, weights, regularisers. No importance sampling is needed to learn from what another policy sampled.</summary>
/// <remarks>
/// Inputs: logps, mask [N,T]; advantages [N] or [N,T]; old_logps, absent on the first update, where the policy is the one that sampled.
/// Outputs: loss, of which only the gradient means something; clip_fraction [].
/// </remarks>
[Algorithm("rec", Loop.OnlineGroups, Paper = "2509.24203", Title = "Group-Relative REINFORCE Is Secretly an Off-Policy Algorithm: Demystifying Some Myths About GRPO and Its Friends")]
[Default("learning_rate", 1e-6)]
public sealed class Rec(RecOptions options) : GroupObjective
{
    private readonly RecMember _member = options.Member;

    /// <inheritdoc/>
    public override IGroupAdvantage Advantage => new RecAdvantages(_member.Advantages);

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients =>
        _member.Regularizer == RecRegularizer.None ? new Dictionary<string, double>() : new Dictionary<string, double> { ["regularizer_coef"] = _member.RegularizerCoef };

    /// <summary>-A w M log π at each token, with a regulariser; A, w and M are constants.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("mask", "logps", "old_logps");
        batch.RequireSameRows("logps", "advantages");
        if (batch.Advantages.dim() == 2)
        {
            batch.RequireSameShape("logps", "advantages");
        }

        var (logps, mask, wholes) = (batch.Logps, batch.Mask, _member.ClipMode == RecClipMode.SequenceOneSide);
        var advantages = (batch.Advantages.dim() == 1 ? batch.Advantages.unsqueeze(1) : batch.Advantages).detach();
        Tensor Ratio(RatioLevel level) => PolicyRatio.Of(logps, batch.OldLogps, mask, level).detach();
        var inRange = Masked.Indicator(InRange(Ratio(wholes ? RatioLevel.Sequence : RatioLevel.Token), advantages), logps);
        var weight = _member.Weight switch
        {
            RecWeight.ImportanceSampling => Ratio(RatioLevel.Token),
            RecWeight.SequenceImportanceSampling => Ratio(RatioLevel.Sequence),
            RecWeight.Advantage => (advantages / _member.Temperature).exp(),
            _ => ones_like(advantages),
        };
        var per = -(advantages * weight * inRange * logps);
        var coef = batch.Number("regularizer_coef") ?? _member.RegularizerCoef;
        per = _member.Regularizer switch
        {
            RecRegularizer.ForwardKl => per - (coef * logps),
            RecRegularizer.K2 => per + (coef * (logps - (batch.OldLogps ?? logps).detach()).square()),
            _ => per,
        };
        return new Loss(TokenReduction.Reduce(per, mask, wholes ? TokenReductionKind.Grpo : TokenReductionKind.Bnpo))
        {
            ["clip_fraction"] = Masked.Mean(1 - inRange, mask),
        };
    }

    /// <summary>M: the tokens that learn. Where the advantage is 0 both sides hold.</summary>
    private Tensor InRange(Tensor ratio, Tensor advantages)
    {
        var (up, down) = (advantages.ge(0), advantages.le(0));
        var (low, high) = (ratio.ge(1 - _member.EpsilonLow), ratio.le(1 + _member.EpsilonHigh));
        var near = low.logical_and(high);
        return _member.ClipMode switch
        {
            RecClipMode.None => ones_like(near),
            RecClipMode.TwoSide => near,
            RecClipMode.Ring => near
                .logical_or(up.logical_and(ratio.le(1 - _member.EpsilonLowPrime)))
                .logical_or(down.logical_and(ratio.ge(1 + _member.EpsilonHighPrime))),
            _ => high.logical_and(up).logical_or(low.logical_and(down)),
        };
    }
}

/// <summary>Each reward less its group's mean, where asked for over the standard deviation, and without so many of the worse rows that they outnumber the others.</summary>
/// <remarks>
/// Inputs: rewards [N] (or [N,K], summed), group_ids [N]; drop_priority [N] where rows are dropped. Outputs: advantages [N]; kept [N], 0 where dropped.
/// A group of which one row is left has that row's reward.
/// </remarks>
[Advantage("rec", Paper = "2509.24203", Title = "Group-Relative REINFORCE Is Secretly an Off-Policy Algorithm: Demystifying Some Myths About GRPO and Its Friends")]
public sealed class RecAdvantages(RecAdvantagesOptions options) : IGroupAdvantage
{
    /// <inheritdoc/>
    public IReadOnlyList<string> Draws => options.Drop == RecDrop.Balance ? ["drop_priority"] : [];

    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameRows("rewards", "group_ids", "drop_priority");
        var rewards = batch["rewards"].dim() == 2 ? batch["rewards"].sum(1) : batch["rewards"];
        var groups = new Groups(batch["group_ids"]);
        var kept = options.Drop == RecDrop.Balance ? Balanced(rewards, batch["drop_priority"], groups) : ones_like(rewards);
        var (mean, std) = groups.RowStatistics(rewards, kept, ddof: 0, SingletonRule.Raw);
        var advantages = (rewards - mean) * kept;
        return new Outputs { ["advantages"] = options.StdNormalize ? advantages / (std + options.StdEpsilon) : advantages, ["kept"] = kept };
    }

    /// <summary>0 for as many rows below the mean as there are more of them than of others: those of lowest priority.</summary>
    private static Tensor Balanced(Tensor rewards, Tensor priority, Groups groups)
    {
        var below = groups.Centre(rewards).lt(0);
        var excess = groups.Spread(groups.Sum(Masked.Indicator(below, rewards) * 2 - 1)).clamp_min(0);
        var place = groups.Rank(priority.masked_fill(below.logical_not(), double.PositiveInfinity));
        return Masked.Indicator(below.logical_and(place.lt(excess)).logical_not(), rewards);
    }
}
