using Plumbline.Training.Agents;

namespace Plumbline.Plugins.ChoiceTable;

/// <summary>Options of <c>choice-table</c>.</summary>
public sealed record ChoiceTableOptions : IChecksItself
{
    /// <summary>Texts that make a context, the last ones: 1 is the observation in hand, 3 the observation and the action before it too.</summary>
    [Positive]
    public int Context { get; init; } = 1;

    /// <summary>The most contexts.</summary>
    [Positive]
    public int Contexts { get; init; } = 4096;

    /// <summary>The most different options a context may ever have.</summary>
    [Positive]
    public int Options { get; init; } = 16;

    /// <summary>What it begins with: each option's logit is log(1 + how often it was taken in front of this observation), centred. Null: all begin at 0.</summary>
    public DemonstrationOptions? Demonstrations { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Context % 2 == 0)
        {
            yield return $"context must be odd, for the texts of a dialogue are observations and actions in turns and the last is an observation; it was {Context}";
        }
    }
}
