using System.Globalization;
using Spectre.Console;

namespace Plumbline.Host.Claims;

/// <summary>A claim's result for its reader.</summary>
internal static class ClaimReport
{
    internal static void Show(IAnsiConsole console, ClaimResult result, TimeSpan took)
    {
        Line(console, "[bold]", result.Id, $": {result.Claim}");
        Line(console, "[grey]", "  the paper", $" (arXiv {result.Arxiv}): {result.Figure}");
        foreach (var experiment in result.Experiments)
        {
            Line(console, "[grey]", "  " + experiment.Name, $" ({experiment.Seeds} seed{(experiment.Seeds == 1 ? string.Empty : "s")}): {experiment.Task}");
            foreach (var check in experiment.Checks)
            {
                var (colour, word) = Verdict(check.Held);
                Line(console, colour, $"    {word}", $"  {check.That}: {Numbers(check)}; claimed: {Threshold(check)}");
            }

            foreach (var number in experiment.Report)
            {
                Line(console, "[grey]", "    measured", $"  {number.That}: {Numbers(number)}");
            }
        }

        foreach (var failure in result.Failures)
        {
            Line(console, "[red]", "  failed", $"  {failure}");
        }

        Line(console, result.Verdict == ClaimResult.Held ? "[green]" : result.Verdict == ClaimResult.Failed ? "[red]" : "[yellow]",
            $"{result.Id}: {result.Verdict}", string.Create(CultureInfo.InvariantCulture, $", {Count(result)}, {took.TotalSeconds:F1} s"));
    }

    /// <summary>How many of the checks held, in words.</summary>
    internal static string Count(ClaimResult result) => $"{result.Checks.Count(check => check.Held == true)} of {result.Checks.Count()} checks held";

    /// <summary>A threshold, and what has to obey it where that is not the mean.</summary>
    internal static string Threshold(CheckResult check) => check.Threshold + (check.Over == "mean" ? string.Empty : check.Over == "every-seed" ? ", every seed" : $", {check.Over} seeds");

    /// <summary>The mean, and the numbers of the seeds where there are several.</summary>
    internal static string Numbers(NumberResult number) => number.Mean is not { } mean ? "not measured"
        : Short(mean) + (number.Seeds.Count > 1 ? $" ({string.Join(", ", number.Seeds.Select(Short))})" : string.Empty);

    internal static (string Colour, string Word) Verdict(bool? held) => held switch
    {
        true => ("[green]", ClaimResult.Held),
        false => ("[red]", ClaimResult.NotHeld),
        null => ("[yellow]", "not measured"),
    };

    private static string Short(double value) => value.ToString("G4", CultureInfo.InvariantCulture);

    private static void Line(IAnsiConsole console, string colour, string coloured, string rest)
    {
        console.Markup($"{colour}{Markup.Escape(coloured)}[/]");
        // Whole lines, however long: they are read by programs too.
        console.Profile.Out.Writer.WriteLine(rest);
    }
}
