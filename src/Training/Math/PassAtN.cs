namespace Plumbline.Training;

/// <summary>Options of <see cref="PassAtN.Estimate"/>.</summary>
public sealed record PassAtNEstimateOptions
{
    /// <summary>Completions that are looked at.</summary>
    public int N { get; init; } = 1;
}

/// <summary>pass@N: the probability that one of N completions of a prompt is right.</summary>
public static class PassAtN
{
    /// <summary>The unbiased estimate from a samples of which c are right (arXiv 2107.03374): 1 - C(a-c,N)/C(a,N): per_prompt [P], pass_at_n [].</summary>
    /// <param name="samples">[P] int: a.</param>
    /// <param name="correct">[P] int: c.</param>
    /// <param name="options">N.</param>
    /// <exception cref="InvalidInputException">N is below 1 or above a prompt's samples, or more are right than were sampled.</exception>
    [Target("unlikeliness/pass_at_n")]
    public static Outputs Estimate(Tensor samples, Tensor correct, PassAtNEstimateOptions options)
    {
        ArgumentNullException.ThrowIfNull(samples);
        ArgumentNullException.ThrowIfNull(correct);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("samples", samples).With("correct", correct).RequireSameShape("samples", "correct");
        var fewest = samples.min().ToInt64();
        if (options.N < 1 || options.N > fewest)
        {
            throw new InvalidInputException($"n: must be from 1 to the samples of each prompt, of which there are as few as {fewest}, and is {options.N}");
        }

        if (correct.gt(samples).logical_or(correct.lt(0)).any().ToBoolean())
        {
            throw new InvalidInputException("'correct' must be from 0 to 'samples': no more completions can be right than were sampled");
        }

        var (all, wrong) = (samples.to_type(ScalarType.Float64), (samples - correct).to_type(ScalarType.Float64));
        var none = torch.ones_like(all);
        for (var j = 0; j < options.N; j++)
        {
            none = none * (wrong - j).clamp_min(0) / (all - j);
        }

        return new Outputs { ["per_prompt"] = 1 - none, ["pass_at_n"] = (1 - none).mean() };
    }
}
