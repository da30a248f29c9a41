using System.Globalization;
using System.Text.RegularExpressions;

namespace Plumbline.Host.Claims;

/// <summary>A name of an expression: an arm, and a number that its run left.</summary>
/// <remarks>
/// <c>arm.result</c> is an evaluation's result after the last stage, <c>arm.result@stage</c> after a stage, <c>arm.result@start</c> before the first.
/// <c>arm.metrics.name.how</c> is a metric of the steps of all stages, <c>arm.metrics.name.how@stage</c> of one; how is first, last, mean, median, min, max,
/// <c>last.10</c> (the mean of the last ten), or <c>at.100</c> (a step of the last stage, or of the one named). <c>timings</c> stands where <c>metrics</c> does.
/// </remarks>
/// <param name="Text">The name as it was written.</param>
/// <param name="Arm">The arm.</param>
/// <param name="Name">The result or metric.</param>
internal sealed partial record MeasuredName(string Text, string Arm, string Name)
{
    /// <summary>Before the first stage.</summary>
    internal const string Start = "start";

    /// <summary><c>metrics</c> or <c>timings</c>, the file without its ending; null for an evaluation's result.</summary>
    internal string? Steps { get; private init; }

    /// <summary>What is made of a metric's steps: first, last, mean, median, min, max, at.</summary>
    internal string? How { get; private init; }

    /// <summary>The step that is meant, or the number of the last ones.</summary>
    internal int? Count { get; private init; }

    /// <summary>The stage; null for the last one of an evaluation, for all of a metric.</summary>
    internal string? Stage { get; private init; }

    /// <summary>Reads a name.</summary>
    /// <exception cref="PlumblineException">It is none.</exception>
    internal static MeasuredName Parse(string text)
    {
        if (text.Split('.', 2) is not [{ Length: > 0 } arm, { Length: > 0 } rest])
        {
            throw new PlumblineException($"[{text}] names nothing measured; write [arm.result] or [arm.metrics.name.last]");
        }

        var of = OfSteps().Match(rest);
        if (!of.Success && IsOfSteps().IsMatch(rest))
        {
            throw new PlumblineException($"[{text}] does not say what to make of the steps; end it with .first, .last, .last.10, .mean, .median, .min, .max or .at.100, and @stage if only one is meant");
        }

        if (of.Success)
        {
            return new MeasuredName(text, arm, of.Groups["name"].Value)
            {
                Steps = of.Groups["file"].Value,
                How = of.Groups["how"].Value + of.Groups["at"].Value,
                Count = of.Groups["count"] is { Success: true } count ? int.Parse(count.Value, CultureInfo.InvariantCulture) : null,
                Stage = of.Groups["stage"] is { Success: true } stage ? stage.Value : null,
            };
        }

        // A number after @ belongs to the name: pass@1.
        var at = rest.LastIndexOf('@');
        return at > 0 && !rest[(at + 1)..].All(char.IsAsciiDigit)
            ? new MeasuredName(text, arm, rest[..at]) { Stage = rest[(at + 1)..] }
            : new MeasuredName(text, arm, rest);
    }

    [GeneratedRegex(@"^(?<file>metrics|timings)\.(?<name>.+?)\.(?:(?<how>first|last|mean|median|min|max)|(?<how>last)\.(?<count>[1-9]\d{0,6})|(?<at>at)\.(?<count>\d{1,7}))(?:@(?<stage>.+))?$")]
    private static partial Regex OfSteps();

    [GeneratedRegex(@"^(metrics|timings)\.")]
    private static partial Regex IsOfSteps();
}
