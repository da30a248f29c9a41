using Plumbline.Engine;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>A parameter's state under Adam.</summary>
internal interface IMoments
{
    long Step { get; set; }

    Tensor Mean { get; }

    Tensor Square { get; }

    /// <summary>The largest mean square so far, under amsgrad.</summary>
    Tensor? Largest { get; }
}

/// <summary>One update of Adam or AdamW: by one native pass where the tensors allow it, else composed.</summary>
internal static class AdamUpdate
{
    internal static void Apply(IReadOnlyList<(Parameter Parameter, Tensor Gradient, IMoments State)> ready, Settings settings)
    {
        foreach (var (_, _, state) in ready)
        {
            state.Step++;
        }

        // A parameter whose gradients began later has made fewer updates, and its means are corrected for its own number.
        foreach (var alike in ready.GroupBy(update => (update.State.Step, Fuses: Fuses(update, settings))))
        {
            if (alike.Key.Fuses)
            {
                FusedKernels.AdamWStep(
                    [.. alike.Select(update => update.Parameter)],
                    [.. alike.Select(update => update.Gradient)],
                    [.. alike.Select(update => update.State.Mean)],
                    [.. alike.Select(update => update.State.Square)],
                    alike.Key.Step, settings.Rate, settings.Beta1, settings.Beta2, settings.Eps, settings.Decay, settings.Decoupled);
                continue;
            }

            foreach (var (parameter, gradient, state) in alike)
            {
                Compose(parameter, gradient, state, settings);
            }
        }
    }

    private static bool Fuses((Parameter Parameter, Tensor Gradient, IMoments State) update, Settings settings) =>
        !settings.Maximize && update.State.Largest is null && FusedKernels.CanFuse([update.Parameter, update.Gradient, update.State.Mean, update.State.Square]);

    private static void Compose(Parameter parameter, Tensor given, IMoments state, Settings settings)
    {
        using var scope = NewDisposeScope();
        var gradient = settings.Maximize ? given.neg() : given;
        if (settings.Decoupled)
        {
            parameter.mul_(1 - (settings.Rate * settings.Decay));
        }
        else if (settings.Decay != 0)
        {
            gradient = gradient.add(parameter, settings.Decay);
        }

        state.Mean.mul_(settings.Beta1).add_(gradient, 1 - settings.Beta1);
        state.Square.mul_(settings.Beta2).addcmul_(gradient, gradient, 1 - settings.Beta2);
        if (state.Largest is { } largest)
        {
            largest.copy_(largest.maximum(state.Square));
        }

        var root = (state.Largest ?? state.Square).sqrt().div_(Math.Sqrt(1 - Math.Pow(settings.Beta2, state.Step))).add_(settings.Eps);
        parameter.addcdiv_(state.Mean, root, -settings.Rate / (1 - Math.Pow(settings.Beta1, state.Step)));
    }

    internal readonly record struct Settings(double Rate, double Beta1, double Beta2, double Eps, double Decay, bool Decoupled, bool Amsgrad, bool Maximize);
}
