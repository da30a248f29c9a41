namespace Plumbline.Training;

/// <summary>Sums and means over the tokens where a mask is 1.</summary>
public static class Masked
{
    /// <summary>Σ v·m of each row.</summary>
    /// <param name="values">[N,T].</param>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <returns>[N]; 0 for a row without tokens.</returns>
    public static Tensor RowSum(Tensor values, Tensor mask) => (values * mask).sum(-1);

    /// <summary>Σ v·m / max(Σ m, 1) of each row.</summary>
    /// <param name="values">[N,T].</param>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <returns>[N]; 0 for a row without tokens.</returns>
    public static Tensor RowMean(Tensor values, Tensor mask) => RowSum(values, mask) / mask.sum(-1).clamp_min(1);

    /// <summary>Σ v·m / max(Σ m, 1) over the whole batch.</summary>
    /// <param name="values">[N,T].</param>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <returns>[]; 0 for a batch without tokens.</returns>
    public static Tensor Mean(Tensor values, Tensor mask) => (values * mask).sum() / mask.sum().clamp_min(1);

    /// <summary>1 at the last token of each row, else 0: where the count of what is still to come is 1.</summary>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <returns>[N,T]; all 0 for a row without tokens.</returns>
    public static Tensor Last(Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return mask * Indicator(mask.flip(1).cumsum(1).flip(1).eq(1), mask);
    }

    /// <summary>The negative log-likelihood of an answer's token: minus the mean of the log-probabilities over the whole batch.</summary>
    /// <param name="logps">[N,T].</param>
    /// <param name="mask">[N,T] 1 at answer tokens, else 0.</param>
    /// <returns>[].</returns>
    public static Tensor NegativeLogLikelihood(Tensor logps, Tensor mask) => -Mean(logps, mask);

    /// <summary>A condition as numbers.</summary>
    /// <param name="condition">Bool.</param>
    /// <param name="like">Gives the dtype.</param>
    /// <returns>1 where true, else 0.</returns>
    public static Tensor Indicator(Tensor condition, Tensor like)
    {
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(like);
        return condition.to_type(like.dtype);
    }

    /// <summary>Refuses a batch in which no token counts.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>mask</c>.</exception>
    public static void RequireTokens(Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (mask.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("the 'mask' is 0 everywhere: this batch has no response token to learn from");
        }
    }

    /// <summary>Refuses a row in which no token counts: its average would divide by 0.</summary>
    /// <param name="mask">[N,T] 1 where it counts, else 0.</param>
    /// <param name="name">The mask's name.</param>
    /// <exception cref="InvalidInputException">The message holds <paramref name="name"/>.</exception>
    public static void RequireTokensInEveryRow(Tensor mask, string name)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (mask.sum(-1).min().ToDouble() == 0)
        {
            throw new InvalidInputException($"a row of '{name}' is 0 everywhere: its answer has no token, and its average log-probability would divide by 0");
        }
    }

    /// <summary>Refuses a mask with a hole: a token that counts after one that does not.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>mask</c>.</exception>
    public static void RequireRightPadded(Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        if (mask.shape[1] > 1 && mask.narrow(1, 1, mask.shape[1] - 1).gt(mask.narrow(1, 0, mask.shape[1] - 1)).any().ToBoolean())
        {
            throw new InvalidInputException("the 'mask' has a hole: in some row a token that counts comes after one that does not; completions must be right-padded");
        }
    }
}
