using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Xpo;

/// <summary>The loss of a pair.</summary>
public enum XpoLoss
{
    /// <summary>-log σ(βh), as DPO.</summary>
    Sigmoid,

    /// <summary>(h - 1/(2β))², as IPO.</summary>
    Ipo,
}

/// <summary>Options of <c>xpo</c>.</summary>
public sealed record XpoOptions
{
    /// <summary>Weight of the bonus for leaving the reference's answers. It is a sum over tokens and unbounded below: keep it small.</summary>
    [NonNegative]
    public double Alpha { get; init; } = 1e-5;

    /// <summary>Scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>The loss of a pair.</summary>
    public XpoLoss LossType { get; init; } = XpoLoss.Sigmoid;
}

/// <summary>Options of the labels.</summary>
public sealed record XpoLabelOptions
{
    /// <summary>Taken from the score of an answer without an end; null: nothing is.</summary>
    [Positive]
    public double? MissingEosPenalty { get; init; }
}

/// <summary>Options of the schedule of alpha.</summary>
public sealed record XpoAlphaOptions : IChecksItself
{
    /// <summary>One number, or a list with a number for each iteration; the last one stays.</summary>
    public JsonNode Alpha { get; init; } = 1e-5;

    /// <summary>The numbers.</summary>
    internal double[] Values => Alpha is JsonArray list ? [.. list.Select(Number)] : [Number(Alpha)];

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Values is not { Length: > 0 } values || values.Any(value => !(value >= 0 && double.IsFinite(value))))
        {
            yield return $"alpha must be a number >= 0 or a list of such, was {Alpha.ToJsonString()}";
        }
    }

    private static double Number(JsonNode? node) => node?.GetValueKind() == JsonValueKind.Number ? node.GetValue<double>() : double.NaN;
}
