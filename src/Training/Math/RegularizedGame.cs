using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Games over finite sets of answers, solved exactly: both players bring an answer, the one that is preferred wins, and each stays near a reference.</summary>
public static class RegularizedGame
{
    /// <summary>V(best, π) - V(π, best), V(a, b) = P(a beats b) - β KL(a||ref) + β KL(b||ref), best = ref·exp(u(π)/β) normalised; for β = 0 the best answer.</summary>
    /// <param name="policy">[G,M] π.</param>
    /// <param name="reference">[G,M] ref; not read where β is 0.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="beta">β.</param>
    /// <returns>[G]; 0 at the equilibrium alone.</returns>
    public static Tensor Gap(Tensor policy, Tensor reference, Tensor preferences, double beta)
    {
        ArgumentNullException.ThrowIfNull(policy);
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(preferences);
        var rates = Preferences.Against(preferences, policy);
        if (beta == 0)
        {
            return rates.amax([-1]) - WorstCase(policy, preferences);
        }

        var best = (reference.log() + (rates / beta)).softmax(-1);
        // P + Pᵀ = 1, so what the policy wins against the best is 1 less what the best wins.
        return (2 * (best * rates).sum(-1)) - 1 - (2 * beta * (Divergence(best, reference) - Divergence(policy, reference)));
    }

    /// <summary>How often a policy wins against the answer that is worst for it: min_y Σ_a π(a) P(a beats y).</summary>
    /// <param name="policy">[G,M].</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <returns>[G]; 1/2 at the equilibrium of the game without a reference, less elsewhere.</returns>
    public static Tensor WorstCase(Tensor policy, Tensor preferences)
    {
        ArgumentNullException.ThrowIfNull(policy);
        return policy.unsqueeze(-2).matmul(preferences).squeeze(-2).amin([-1]);
    }

    /// <summary>The equilibrium of the regularised game, π = ref·exp(P(· beats π)/τ) normalised, by damped iteration.</summary>
    /// <param name="reference">[G,M] probabilities.</param>
    /// <param name="preferences">[G,M,M].</param>
    /// <param name="tau">τ.</param>
    /// <param name="tolerance">The total variation between two sides of the equation at which it ends.</param>
    /// <returns>[G,M] probabilities.</returns>
    /// <exception cref="InvalidInputException">It does not settle; τ may be too small.</exception>
    public static Tensor Equilibrium(Tensor reference, Tensor preferences, double tau, double tolerance = 1e-6)
    {
        ArgumentNullException.ThrowIfNull(reference);
        var (start, logps) = (reference.log(), reference.log());
        // A step of mirror descent of size damping/τ; a cycle of answers makes it turn, so it settles only where that is small against τ.
        var damping = Math.Min(0.5, 2 * tau * tau);
        for (var i = 0; i < 100_000; i++)
        {
            var best = (start + (Preferences.Against(preferences, logps.exp()) / tau)).log_softmax(-1);
            if ((best.exp() - logps.exp()).abs().sum(-1).max().ToDouble() / 2 <= tolerance)
            {
                return logps.exp();
            }

            logps = GeometricMixture.Logps(logps, best, damping);
        }

        throw new InvalidInputException($"the equilibrium of the game with tau {tau} did not settle in 100000 steps; tau may be too small");
    }

    private static Tensor Divergence(Tensor policy, Tensor reference) => (policy * (policy.log() - reference.log())).nan_to_num(0).sum(-1);
}
