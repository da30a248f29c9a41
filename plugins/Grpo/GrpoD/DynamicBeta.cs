namespace Plumbline.Plugins.GrpoD;

/// <summary>The schedule alone, for any coefficient of any objective.</summary>
[Controller("grpo-d", Paper = "2503.16081", Title = "OThink-MR1: Stimulating multimodal generalized reasoning capabilities via dynamic reinforcement learning")]
public sealed class DynamicBeta(DynamicBetaOptions options) : IController
{
    /// <inheritdoc/>
    public string? Measures => null;

    /// <inheritdoc/>
    public double Next(ControlState state) => At(state.Step, options.TotalSteps ?? state.Steps, options);

    /// <summary>β(s): from the middle in a line down to beta_min at w = exploration_fraction · t, then in a line up to beta_max at t.</summary>
    /// <param name="step">s, the updates before this one.</param>
    /// <param name="options">With <c>total_steps</c>.</param>
    [Target("grpo-d/beta_schedule")]
    public static double At(double step, DynamicBetaOptions options) => At(
        step, (options ?? throw new ArgumentNullException(nameof(options))).TotalSteps ?? throw new InvalidInputException("total_steps is needed: nothing else says how long the schedule is"), options);

    internal static double At(double step, double total, DynamicBetaOptions options)
    {
        if (step < 0 || step > total)
        {
            throw new InvalidInputException($"step must lie in 0 to total_steps, which is {total}, was {step}; past its end the schedule has no value");
        }

        var turn = options.ExplorationFraction * total;
        var (least, middle) = (options.BetaMin, (options.BetaMin + options.BetaMax) / 2);
        return step <= turn ? middle - ((middle - least) * step / turn) : least + ((options.BetaMax - least) * (step - turn) / (total - turn));
    }
}
