using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Targets;

/// <summary>Options of <c>target-probability</c>.</summary>
public sealed record TargetProbabilityOptions
{
    /// <summary>The name of the result.</summary>
    public string Name { get; init; } = "target_probability";

    /// <summary>The prompts and their targets.</summary>
    public required Part<IData> Data { get; init; }
}

/// <summary>The exact probability of the whole target, read off the table that is the policy; mean over the prompts.</summary>
[Evaluation("target-probability")]
[Default("data", "targets")]
public sealed class TargetProbability(TargetProbabilityOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var logps = stage.Run.Models.Get<TableModel>("policy").Values.log_softmax(-1);
        var examples = options.Data.Create(stage.Services).Load(stage.Run).Train;
        var mean = examples.Average(example => Math.Exp(TargetShare.Tokens(example).Select((token, place) => logps[example.Index, place, token].ToDouble()).Sum()));
        return new Dictionary<string, double> { [options.Name] = mean };
    }
}
