namespace Plumbline.Training;

/// <summary>How the losses of tokens become one number.</summary>
public enum TokenReductionKind
{
    /// <summary>The mean over completions of each one's mean over its tokens (arXiv 2402.03300).</summary>
    Grpo,

    /// <summary>The mean over all tokens of the batch.</summary>
    Bnpo,

    /// <summary>The sum over a constant: completions times the longest length configured (arXiv 2503.20783).</summary>
    DrGrpo,

    /// <summary>The sum over the tokens of the whole accumulated batch (arXiv 2503.14476).</summary>
    Dapo,
}

/// <summary>Losses of tokens to one number.</summary>
public static class TokenReduction
{
    /// <summary>The reduced loss.</summary>
    /// <param name="perToken">[N,T].</param>
    /// <param name="mask">[N,T]; a row without tokens counts as 0.</param>
    /// <param name="kind">How.</param>
    /// <param name="items">Tokens of the whole accumulated batch, for <see cref="TokenReductionKind.Dapo"/>; null: those of this batch.</param>
    /// <param name="longest">The longest length configured, for <see cref="TokenReductionKind.DrGrpo"/>.</param>
    /// <returns>[].</returns>
    /// <exception cref="InvalidInputException"><paramref name="longest"/> is needed and absent.</exception>
    public static Tensor Reduce(Tensor perToken, Tensor mask, TokenReductionKind kind, double? items = null, double? longest = null) => kind switch
    {
        TokenReductionKind.Bnpo => Masked.Mean(perToken, mask),
        TokenReductionKind.Dapo when items is { } count => (perToken * mask).sum() / count,
        TokenReductionKind.Dapo => Masked.Mean(perToken, mask),
        TokenReductionKind.DrGrpo => Masked.RowSum(perToken, mask).mean() / (longest ?? throw new InvalidInputException("max_completion_length is needed by dr_grpo")),
        _ => Masked.RowMean(perToken, mask).mean(),
    };
}
