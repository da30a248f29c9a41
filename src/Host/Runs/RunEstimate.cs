using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Host.Manifests;

namespace Plumbline.Host.Runs;

/// <summary>What a run will cost, added up from what its parts say of themselves. Every sequence counts as full.</summary>
/// <remarks>
/// Arithmetic: 6 operations a parameter and token forward and backward, 2 forward alone. Memory: weights, gradients and two
/// moments of the optimiser, the frozen copies, and the activations of one step.
/// </remarks>
internal sealed record RunEstimate(long Parameters, double Bytes, IReadOnlyList<(string Stage, Cost Cost, double Operations)> Stages, IReadOnlyList<string> Unknown)
{
    /// <summary>Operations a second that a small model reaches on two cores; another machine is faster or slower by its own factor.</summary>
    private const double AssumedRate = 50e9;

    internal static RunEstimate Of(Manifest manifest, IServiceProvider services)
    {
        var unknown = new List<string>();
        var model = Estimate(manifest.Model, "model");
        var width = manifest.Dtype switch { Precision.Float64 => 8, Precision.Bfloat16 => 2, _ => 4 };
        var stages = new List<(string, Cost, double)>();
        var (copies, activations) = (0, 0L);
        foreach (var part in manifest.Stages)
        {
            var cost = Estimate(part, "stage");
            var trained = cost.Steps * cost.TrainedSequences * (double)model.ContextLength;
            var sampled = cost.Steps * cost.SampledSequences * (double)model.ContextLength;
            stages.Add(((part.Options as StageOptions)?.Name ?? part.Id, cost, model.Parameters * ((6 * trained) + (2 * cost.FrozenCopies * trained) + (2 * sampled))));
            copies = Math.Max(copies, cost.FrozenCopies);
            activations = Math.Max(activations, cost.TrainedSequences * model.ContextLength * model.ActivationsPerToken);
        }

        return new RunEstimate(model.Parameters, width * ((model.Parameters * (4.0 + copies)) + activations), stages, unknown);

        // A part that needs the run itself, such as a tokenizer's file, can't be asked beforehand: the rest still can.
        Cost Estimate(IPart? part, string what)
        {
            try
            {
                return (part?.Options as IEstimates)?.Estimate(services) ?? new Cost();
            }
            catch (PlumblineException error)
            {
                unknown.Add($"{what} {part!.Id} counts as nothing: {error.Message}");
                return new Cost();
            }
        }
    }

    internal IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"model: {Parameters:N0} parameters");
        yield return string.Create(CultureInfo.InvariantCulture, $"memory: at most about {Bytes / (1 << 20):N0} MiB");
        foreach (var (stage, cost, operations) in Stages)
        {
            yield return string.Create(CultureInfo.InvariantCulture, $"stage {stage}: {cost.Steps} steps, {cost.TrainedSequences} sequences trained and {cost.SampledSequences} sampled a step, at most about {Duration(operations / AssumedRate)}");
        }

        foreach (var part in Unknown)
        {
            yield return part;
        }

        yield return string.Create(CultureInfo.InvariantCulture, $"time: at most about {Duration(Stages.Sum(stage => stage.Operations) / AssumedRate)}, with full sequences at {AssumedRate / 1e9:F0} billion operations a second");
    }

    internal JsonObject ToJson() => new()
    {
        ["parameters"] = Parameters,
        ["memory_bytes"] = Math.Round(Bytes),
        ["assumed_operations_per_second"] = AssumedRate,
        ["unknown"] = new JsonArray([.. Unknown.Select(part => (JsonNode)part)]),
        ["stages"] = new JsonArray([.. Stages.Select(stage => new JsonObject
        {
            ["name"] = stage.Stage,
            ["steps"] = stage.Cost.Steps,
            ["trained_sequences"] = stage.Cost.TrainedSequences,
            ["sampled_sequences"] = stage.Cost.SampledSequences,
            ["operations"] = stage.Operations,
            ["seconds"] = Math.Round(stage.Operations / AssumedRate, 1),
        })]),
    };

    private static string Duration(double seconds) => seconds < 90
        ? string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s")
        : seconds < 5400 ? string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:F0} min") : string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:F1} h");
}
