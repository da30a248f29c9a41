using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.GrpoD;

/// <summary>GRPO-D: GRPO whose weight of the divergence follows the step: small while the policy explores, large at the end.</summary>
/// <remarks>
/// Inputs: logps, mask, reference_logps [N,T]; old_logps, absent on the first update; rewards, group_ids [N]; the numbers step and, where the option
/// is null, total_steps. Outputs: loss, beta, kl (the mean over tokens, without beta), advantages [N].
/// </remarks>
[Algorithm("grpo-d", Loop.OnlineGroups, Paper = "2503.16081", Title = "OThink-MR1: Stimulating multimodal generalized reasoning capabilities via dynamic reinforcement learning")]
[Default("learning_rate", 1e-6)]
public sealed class GrpoD(GrpoDOptions options) : GroupObjective
{
    private readonly GroupRelative _advantage = new(new GroupRelativeOptions { StdEpsilon = options.StdEpsilon });

    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference | Needs.Rewards;

    /// <summary>Equations (1) to (5): -min(ρ A, clip(ρ) A) + β(s) KL at each token, the mean over completions of each one's mean.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "mask", "reference_logps", "old_logps");
        batch.RequireSameRows("logps", "rewards", "group_ids");
        var beta = DynamicBeta.At(
            batch.Number("step") ?? throw new InvalidInputException("the input 'step' is missing; beta follows it"),
            options.TotalSteps ?? batch.Number("total_steps") ?? throw new InvalidInputException("total_steps is needed: no option gives it, and the batch has no such number"),
            options);

        var advantages = _advantage.Compute(batch).Tensor("advantages");
        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var kl = KlEstimates.K3((batch.Logps - batch.ReferenceLogps.detach()) * batch.Mask);
        var per = ClippedSurrogate.PerToken(ratio, advantages.unsqueeze(1), options.Epsilon, options.Epsilon) + (beta * kl);
        return new Loss(TokenReduction.Reduce(per, batch.Mask, TokenReductionKind.Grpo))
        {
            ["beta"] = beta,
            ["kl"] = Masked.Mean(kl.detach(), batch.Mask),
            ["advantages"] = advantages,
        };
    }
}
