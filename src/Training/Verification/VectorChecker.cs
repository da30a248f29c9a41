using System.Reflection;
using Plumbline.Options;
using static TorchSharp.torch;

namespace Plumbline.Training.Verification;

/// <summary>Checks plugins' mathematics against reference cases: outputs, gradients and refusals, in float64.</summary>
/// <remarks>
/// A target is an objective by its id, an advantage as <c>id/advantages</c>, or a method with a <see cref="TargetAttribute"/>: static,
/// or a method of a part, which is then made with the case's options. Options are bound as strictly as a manifest's.
/// </remarks>
public sealed class VectorChecker
{
    private readonly Targets _targets;

    /// <summary>A checker over parts that a host or a test has found.</summary>
    /// <param name="parts">Finds objectives, advantages and the parts whose methods are targets.</param>
    /// <param name="assemblies">Where methods with a <see cref="TargetAttribute"/> are looked for; Plumbline.Training is always one.</param>
    public VectorChecker(IPartResolver parts, IReadOnlyCollection<Assembly> assemblies)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentNullException.ThrowIfNull(assemblies);
        _targets = new Targets(parts, assemblies.Append(typeof(VectorChecker).Assembly).Distinct());
    }

    /// <summary>A checker over the parts of loaded assemblies and of Plumbline.Training.</summary>
    public VectorChecker(params Assembly[] assemblies)
        : this(new LoadedParts(assemblies.Append(typeof(VectorChecker).Assembly)), assemblies)
    {
    }

    /// <summary>Every target that a case may name.</summary>
    public IReadOnlyCollection<string> Known => [.. _targets.Known];

    /// <summary>Checks every case of a file.</summary>
    public IReadOnlyList<CaseResult> Check(VectorFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        return [.. file.Cases.Select(@case => Check(file.Paper, @case))];
    }

    /// <summary>Checks one case.</summary>
    public CaseResult Check(string paper, VectorCase @case)
    {
        ArgumentNullException.ThrowIfNull(@case);
        using var scope = NewDisposeScope();
        string? failure;
        try
        {
            var call = _targets.Find(@case.Target);
            failure = @case.Error is { } refusal ? Refused(@case, call, refusal) : Agreed(@case, call);
        }
        catch (Exception thrown)
        {
            // Whatever mathematics throws is this case's failure; the other cases are still checked.
            failure = thrown is PlumblineException ? thrown.Message : $"{thrown.GetType().Name}: {thrown.Message}";
        }

        return new CaseResult(paper, @case.Target, @case.Name, failure is null, failure ?? string.Empty);
    }

    private static string? Refused(VectorCase @case, TargetCall call, string refusal)
    {
        object? result;
        try
        {
            result = call(@case.Options, new CaseInputs(@case));
        }
        catch (PlumblineException refused) when (refused is InvalidInputException or ManifestException)
        {
            return refused.Message.Contains(refusal, StringComparison.Ordinal) ? null : $"refused, but the message does not hold '{refusal}': {refused.Message}";
        }

        return $"was not refused: a message that holds '{refusal}' was expected, and a {result?.GetType().Name ?? "null"} came";
    }

    private static string? Agreed(VectorCase @case, TargetCall call)
    {
        var inputs = new CaseInputs(@case);
        var result = call(@case.Options, inputs);
        string[] expected = [.. @case.Outputs.Select(pair => pair.Key)];
        var outputs = NamedOutputs.Of(result, expected);
        if (expected.FirstOrDefault(name => !outputs.ContainsKey(name)) is { } absent)
        {
            return $"the output '{absent}' did not come; there are {string.Join(", ", outputs.Keys)}";
        }

        if (result is Loss loss && loss.FirstOrDefault(pair => pair.Value is Tensor { requires_grad: true }).Key is { } metric)
        {
            return $"the output '{metric}' of a loss carries a gradient; detach it, so that a step's graph can be freed";
        }

        var comparison = new Comparison(@case.Rtol, @case.Atol);
        return @case.Outputs.Select(pair => comparison.Difference($"output '{pair.Key}'", pair.Value, outputs[pair.Key])).FirstOrDefault(difference => difference is not null)
            ?? Gradients(@case, inputs, outputs.GetValueOrDefault("loss"), comparison);
    }

    private static string? Gradients(VectorCase @case, CaseInputs inputs, object? loss, Comparison comparison)
    {
        if (@case.Grads.Count == 0)
        {
            return null;
        }

        if (loss is not Tensor { shape.Length: 0, requires_grad: true } scalar)
        {
            return "gradients are expected, and the output 'loss' is no scalar tensor that carries one";
        }

        string[] names = [.. @case.Grads.Select(pair => pair.Key)];
        var gradients = autograd.grad([scalar], [.. names.Select(inputs.Tensor)], allow_unused: true);
        for (var i = 0; i < names.Length; i++)
        {
            if (gradients[i] is not { } gradient)
            {
                return $"the loss does not depend on '{names[i]}', whose gradient is expected";
            }

            if (comparison.Difference($"gradient of '{names[i]}'", @case.Grads[names[i]], gradient) is { } difference)
            {
                return difference;
            }
        }

        return null;
    }
}
