using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Losses of a margin between a chosen and a rejected answer.</summary>
public static class PairLosses
{
    /// <summary>-(1 - ε) log σ(z) - ε log σ(-z): Bradley-Terry, where a share ε of the labels is taken to be wrong (conservative DPO).</summary>
    /// <param name="z">[B] margin of the chosen answer over the rejected one.</param>
    /// <param name="labelSmoothing">ε.</param>
    /// <returns>[B].</returns>
    public static Tensor Logistic(Tensor z, double labelSmoothing = 0) =>
        labelSmoothing == 0
            ? -nn.functional.logsigmoid(z)
            : -((1 - labelSmoothing) * nn.functional.logsigmoid(z)) - (labelSmoothing * nn.functional.logsigmoid(-z));

    /// <summary>DPO's loss (arXiv 2305.18290): -log σ(β (S_chosen - S_rejected)), the mean over pairs, with its metrics.</summary>
    /// <param name="batch">Policy, reference and mask of both sides.</param>
    /// <param name="beta">β.</param>
    /// <exception cref="InvalidInputException">A shape differs, or a tensor is missing.</exception>
    public static Loss Dpo(PairBatch batch, double beta)
    {
        var (chosen, rejected) = PairLogRatios.Of(batch);
        var losses = Logistic(beta * (chosen - rejected));
        return WithMetrics(losses.mean(), losses, beta * chosen, beta * rejected);
    }

    /// <summary>(z - target)²: the margin is wanted neither smaller nor larger (IPO, arXiv 2310.12036).</summary>
    /// <param name="z">[B] margin of the chosen answer over the rejected one.</param>
    /// <param name="target">The margin wanted; IPO's is 1/(2τ) for a bare log-ratio.</param>
    /// <returns>[B].</returns>
    public static Tensor Squared(Tensor z, double target) => (z - target).square();

    /// <summary>max(0, δ - z).</summary>
    /// <param name="z">[B] margin of the chosen answer over the rejected one.</param>
    /// <param name="margin">δ, the lead at which it is satisfied.</param>
    /// <returns>[B].</returns>
    public static Tensor Hinge(Tensor z, double margin = 1) => (margin - z).clamp_min(0);

    /// <summary>The share of pairs whose chosen answer ranks strictly higher; a tie counts as wrong.</summary>
    /// <param name="chosen">[B].</param>
    /// <param name="rejected">[B].</param>
    /// <returns>[].</returns>
    public static Tensor Accuracy(Tensor chosen, Tensor rejected)
    {
        ArgumentNullException.ThrowIfNull(chosen);
        return Masked.Indicator(chosen.gt(rejected), chosen).mean();
    }

    /// <summary>A loss with what every method on pairs tells: losses, chosen_rewards, rejected_rewards [B], accuracy, margin []; without gradient.</summary>
    /// <param name="loss">[] the scalar to minimise.</param>
    /// <param name="losses">[B] of each pair.</param>
    /// <param name="chosenRewards">[B] implicit rewards.</param>
    /// <param name="rejectedRewards">[B] implicit rewards.</param>
    public static Loss WithMetrics(Tensor loss, Tensor losses, Tensor chosenRewards, Tensor rejectedRewards)
    {
        ArgumentNullException.ThrowIfNull(losses);
        ArgumentNullException.ThrowIfNull(chosenRewards);
        ArgumentNullException.ThrowIfNull(rejectedRewards);
        var (chosen, rejected) = (chosenRewards.detach(), rejectedRewards.detach());
        return new Loss(loss)
        {
            ["losses"] = losses.detach(),
            ["chosen_rewards"] = chosen,
            ["rejected_rewards"] = rejected,
            ["accuracy"] = Accuracy(chosen, rejected),
            ["margin"] = (chosen - rejected).mean(),
        };
    }
}
