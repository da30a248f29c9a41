using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Targets;

/// <summary>Options of <c>targets</c>.</summary>
public sealed record TargetsOptions
{
    /// <summary>Prompts; each is one token, its number.</summary>
    [Positive]
    public int Prompts { get; init; } = 16;

    /// <summary>Tokens of a target.</summary>
    [Positive]
    public int Positions { get; init; } = 3;

    /// <summary>Tokens that a target is drawn from, 0 to one less.</summary>
    [Positive]
    public int Letters { get; init; } = 6;
}

/// <summary>Prompts 0, 1, 2, … with a random target each, which is for a reward to tell and for the policy to find. Targets depend on the run's seed.</summary>
/// <remarks>With the model <c>table</c> and the tokenizer <c>numbers</c> it is the tabular problem on which methods of groups are compared: what a policy has learnt can be read off exactly.</remarks>
[Data("targets")]
public sealed class Targets(TargetsOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("targets");
        return new DataSet([.. Enumerable.Range(0, options.Prompts).Select(Row)], []);

        Example Row(int prompt)
        {
            var target = string.Join(' ', Enumerable.Range(0, options.Positions).Select(position => draws.Key(prompt).Key(position).Below(options.Letters)));
            return new Example(prompt, new JsonObject { ["prompt"] = $"{prompt}", ["completion"] = target, ["answer"] = target });
        }
    }
}
