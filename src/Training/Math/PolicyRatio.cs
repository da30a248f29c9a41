using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>What one importance weight is for.</summary>
public enum RatioLevel
{
    /// <summary>A token.</summary>
    Token,

    /// <summary>A completion: the geometric mean of its tokens' ratios (GSPO, arXiv 2507.18071).</summary>
    Sequence,

    /// <summary>The completion's value, with the gradient of each token (GSPO-token).</summary>
    SequenceToken,
}

/// <summary>ρ: how much likelier a sample is under the current policy than under the one that drew it.</summary>
public static class PolicyRatio
{
    /// <summary>exp(w), where w is the difference of log-probabilities at the level asked for.</summary>
    /// <param name="logps">[N,T] current policy, with gradient.</param>
    /// <param name="oldLogps">[N,T] policy that sampled; null: the current one, so that the ratio is exactly 1 and has a gradient.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0.</param>
    /// <param name="level">Token, completion, or both.</param>
    /// <returns>[N,T]; 1 where masked at level <see cref="RatioLevel.Token"/>.</returns>
    public static Tensor Of(Tensor logps, Tensor? oldLogps, Tensor mask, RatioLevel level = RatioLevel.Token)
    {
        ArgumentNullException.ThrowIfNull(logps);
        var tokens = (logps - (oldLogps ?? logps).detach()) * mask;
        if (level == RatioLevel.Token)
        {
            return tokens.exp();
        }

        var sequence = Masked.RowMean(tokens, mask).unsqueeze(-1);
        return (level == RatioLevel.Sequence ? sequence + zeros_like(tokens) : sequence.detach() + logps - logps.detach()).exp();
    }
}
