using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>P(y beats y') between the answers of a finite set: a constant-sum game, which may be intransitive.</summary>
public static class Preferences
{
    private const double Tolerance = 1e-6;

    /// <summary>Refuses matrices that are no preferences: with its transpose one must sum to 1, and lie in [0,1].</summary>
    /// <param name="preferences">[...,K,K] P(row beats column).</param>
    /// <param name="name">For the message.</param>
    /// <exception cref="InvalidInputException">The message holds the name.</exception>
    public static void Require(Tensor preferences, string name = "preferences")
    {
        ArgumentNullException.ThrowIfNull(preferences);
        if (preferences.dim() < 2 || preferences.shape[^1] != preferences.shape[^2])
        {
            throw new InvalidInputException($"the shape of '{name}' is [{string.Join(',', preferences.shape)}]; preferences are square: every answer against every one");
        }

        RequireProbabilities(preferences, name);
        var excess = (preferences + preferences.transpose(-1, -2) - 1).abs().max().ToDouble();
        if (excess > Tolerance)
        {
            throw new InvalidInputException($"'{name}' and its transpose must sum to 1, and miss it by {excess:G3}: one of two answers beats the other");
        }
    }

    /// <summary>Refuses numbers outside [0,1].</summary>
    /// <exception cref="InvalidInputException">The message holds the name.</exception>
    public static void RequireProbabilities(Tensor values, string name)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.numel() > 0 && (values.min().ToDouble(), values.max().ToDouble()) is var (low, high) && !(low >= 0 && high <= 1))
        {
            throw new InvalidInputException($"'{name}' must lie in [0, 1], and holds numbers from {low} to {high}");
        }
    }

    /// <summary>P(y beats π): how often each answer beats one drawn from a policy.</summary>
    /// <param name="preferences">[...,K,K].</param>
    /// <param name="policy">[...,K] probabilities.</param>
    /// <returns>[...,K].</returns>
    public static Tensor Against(Tensor preferences, Tensor policy)
    {
        ArgumentNullException.ThrowIfNull(preferences);
        ArgumentNullException.ThrowIfNull(policy);
        return preferences.matmul(policy.unsqueeze(-1)).squeeze(-1);
    }
}
