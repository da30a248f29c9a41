namespace Plumbline.Training.Diffusion;

/// <summary>How the timesteps of sampling are spread over those of training.</summary>
public enum TimestepSpacing
{
    /// <summary>i·⌊T/S⌋ + steps_offset.</summary>
    Leading,

    /// <summary>round(T - i·T/S) - 1: begins at the last timestep.</summary>
    Trailing,

    /// <summary>round(i·(T-1)/(S-1)): from the last to the first.</summary>
    Linspace,
}

/// <summary>Options of <see cref="TimestepGrid"/>.</summary>
public sealed record TimestepGridOptions : IChecksItself
{
    /// <summary>Timesteps of training, T.</summary>
    [Positive]
    public int NumTrainTimesteps { get; init; } = 1000;

    /// <summary>Steps of sampling, S, at most T.</summary>
    [Positive]
    public required int NumInferenceSteps { get; init; }

    /// <summary>How they are spread.</summary>
    public TimestepSpacing Spacing { get; init; } = TimestepSpacing.Leading;

    /// <summary>Added to each timestep of the leading grid.</summary>
    [NonNegative]
    public int StepsOffset { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (NumInferenceSteps > NumTrainTimesteps)
        {
            yield return $"num_inference_steps must lie in 1 … {NumTrainTimesteps} (num_train_timesteps), was {NumInferenceSteps}";
        }
        else if (Spacing == TimestepSpacing.Leading && ((NumInferenceSteps - 1) * (NumTrainTimesteps / NumInferenceSteps)) + StepsOffset >= NumTrainTimesteps)
        {
            yield return $"steps_offset {StepsOffset} leads beyond the last timestep, {NumTrainTimesteps - 1}";
        }

        if (Spacing != TimestepSpacing.Leading && StepsOffset != 0)
        {
            yield return "steps_offset belongs to the spacing leading: nothing else reads it";
        }
    }
}

/// <summary>The timesteps of a sampler on the diffusion path.</summary>
/// <param name="Timesteps">[S] descending.</param>
/// <param name="PrevTimesteps">[S] where each step leads: the next timestep, and at last the clean end, -1.</param>
public sealed record TimestepGrid(IReadOnlyList<long> Timesteps, IReadOnlyList<long> PrevTimesteps)
{
    /// <summary>The grid of the options. Halves are rounded to even.</summary>
    /// <exception cref="InvalidInputException">More steps than timesteps; the message holds <c>num_inference_steps</c>.</exception>
    [Target("diffusion-baseline/timesteps")]
    public static TimestepGrid Create(TimestepGridOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Check().FirstOrDefault() is { } broken)
        {
            throw new InvalidInputException(broken);
        }

        var (total, steps) = (options.NumTrainTimesteps, options.NumInferenceSteps);
        long[] timesteps = [.. Enumerable.Range(0, steps).Select(i => options.Spacing switch
        {
            TimestepSpacing.Leading => ((steps - 1 - i) * (total / steps)) + options.StepsOffset,
            TimestepSpacing.Trailing => (long)Math.Round(total - (i * (double)total / steps), MidpointRounding.ToEven) - 1,
            _ => steps == 1 ? 0 : (long)Math.Round((steps - 1 - i) * (double)(total - 1) / (steps - 1), MidpointRounding.ToEven),
        })];
        return new TimestepGrid(timesteps, [.. timesteps.Skip(1), -1]);
    }

    /// <summary>The same grid with the last step ending at timestep 0 in place of the clean end: that step then keeps a little noise, and a density.</summary>
    /// <exception cref="InvalidInputException">The grid's last timestep is 0 itself; the message holds <c>timesteps</c>.</exception>
    public TimestepGrid EndingAtZero() => Timesteps[^1] > 0
        ? this with { PrevTimesteps = [.. PrevTimesteps.SkipLast(1), 0] }
        : throw new InvalidInputException("the last of the timesteps is 0 itself, so no step can end there; use a trailing grid or a steps_offset");
}

/// <summary>Options of <see cref="FlowGrid"/>.</summary>
public sealed record FlowGridOptions
{
    /// <summary>Steps of sampling, S.</summary>
    [Positive]
    public required int NumInferenceSteps { get; init; }

    /// <summary>Above 1: more of the steps where there is much noise.</summary>
    [Positive]
    public double Shift { get; init; } = 1;
}

/// <summary>The noise levels of a sampler on the flow path.</summary>
public static class FlowGrid
{
    /// <summary>[S+1] σ from 1 to 0: shift·u/(1+(shift-1)·u), u in equal steps.</summary>
    [Target("diffusion-baseline/flow_sigmas")]
    public static double[] Sigmas(FlowGridOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return [.. Enumerable.Range(0, options.NumInferenceSteps + 1).Select(i =>
        {
            var u = 1 - (i / (double)options.NumInferenceSteps);
            return options.Shift * u / (1 + ((options.Shift - 1) * u));
        })];
    }
}
