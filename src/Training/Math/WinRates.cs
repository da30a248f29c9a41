using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>What the answers of a group are told apart by.</summary>
public enum WinRateKind
{
    /// <summary>Scores: P(i beats j) = σ(s_i - s_j); best and worst by the score.</summary>
    Scores,

    /// <summary>A judge's preferences; best and worst by the win rate.</summary>
    Preferences,
}

/// <summary>Options of <see cref="WinRates"/>.</summary>
public sealed record WinRatesOptions
{
    /// <summary>What is given.</summary>
    public WinRateKind Kind { get; init; } = WinRateKind.Scores;
}

/// <summary>How often each answer of a group beats the group, and the best and the worst of them (SPPO, arXiv 2405.00675).</summary>
/// <param name="Probs">[G,K,K] P(i beats j).</param>
/// <param name="Rates">[G,K] the mean over j; an answer itself counts, with 1/2.</param>
/// <param name="Chosen">[G] int64 the best answer; of equals the first.</param>
/// <param name="Rejected">[G] int64 the worst; of equals the first.</param>
public sealed record WinRates(Tensor Probs, Tensor Rates, Tensor Chosen, Tensor Rejected)
{
    /// <summary>[G] P(chosen beats rejected).</summary>
    public Tensor ChosenProbs => Of(Probs.take_along_dim(Chosen.reshape(-1, 1, 1).expand(-1, 1, Probs.shape[2]), 1).squeeze(1), Rejected);

    /// <summary>[G] the best answers' win rates.</summary>
    public Tensor ChosenRates => Of(Rates, Chosen);

    /// <summary>[G] the worst answers' win rates.</summary>
    public Tensor RejectedRates => Of(Rates, Rejected);

    /// <summary>From scores [G,K] of the answers.</summary>
    public static WinRates FromScores(Tensor scores)
    {
        ArgumentNullException.ThrowIfNull(scores);
        var probs = (scores.unsqueeze(2) - scores.unsqueeze(1)).sigmoid();
        return new WinRates(probs, probs.mean([2]), scores.argmax(1), scores.argmin(1));
    }

    /// <summary>From a judge's preferences [G,K,K].</summary>
    /// <exception cref="InvalidInputException">They do not sum to 1 with their transpose; the message holds <c>preferences</c>.</exception>
    public static WinRates FromPreferences(Tensor preferences)
    {
        Preferences.Require(preferences);
        var rates = preferences.mean([2]);
        return new WinRates(preferences, rates, rates.argmax(1), rates.argmin(1));
    }

    /// <summary>probs [G,K,K], win_rates [G,K], chosen, rejected [G] int64, chosen_probs, chosen_win_rates, rejected_win_rates [G].</summary>
    /// <param name="options">Which of the two is given.</param>
    /// <param name="scores">[G,K].</param>
    /// <param name="preferences">[G,K,K].</param>
    /// <exception cref="InvalidInputException">The one that <c>kind</c> names is absent, or is none.</exception>
    [Target("sppo/win_rates")]
    public static Outputs Compute(WinRatesOptions options, Tensor? scores = null, Tensor? preferences = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var rates = options.Kind == WinRateKind.Scores
            ? FromScores(scores ?? throw new InvalidInputException("the input 'scores' is missing; kind is scores"))
            : FromPreferences(preferences ?? throw new InvalidInputException("the input 'preferences' is missing; kind is preferences"));
        return new Outputs
        {
            ["probs"] = rates.Probs,
            ["win_rates"] = rates.Rates,
            ["chosen"] = rates.Chosen,
            ["rejected"] = rates.Rejected,
            ["chosen_probs"] = rates.ChosenProbs,
            ["chosen_win_rates"] = rates.ChosenRates,
            ["rejected_win_rates"] = rates.RejectedRates,
        };
    }

    /// <summary>[G,K] at [G] int64: the entry of each row.</summary>
    public static Tensor Of(Tensor values, Tensor place)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(place);
        return values.take_along_dim(place.unsqueeze(1), 1).squeeze(1);
    }
}
