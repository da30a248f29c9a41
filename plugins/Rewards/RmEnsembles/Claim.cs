using System.Globalization;
using System.Text.Json.Nodes;

namespace Plumbline.Plugins.RmEnsembles;

/// <summary>The gold score of the claim of rm-ensembles: a line through R⁶ that turns down far from the origin; its direction is drawn by the run's seed.</summary>
[Reward("rm-ensembles-gold")]
public sealed class Gold(RunContext run) : RowReward
{
    /// <summary>Numbers of a candidate.</summary>
    internal const int Dimension = 6;

    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Of(rollout.Text.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture)).ToArray());
    }

    /// <summary>W·x - 0.4 max(|x|² - 6, 0)/6, W ~ N(0, I/6).</summary>
    internal double Of(double[] x)
    {
        var draws = run.Draws.Key("rm-ensembles").Key("gold");
        var line = x.Select((value, i) => value * draws.Key(i).Normal() / Math.Sqrt(Dimension)).Sum();
        return line - (0.4 * Math.Max(x.Sum(value => value * value) - Dimension, 0) / Dimension);
    }

    /// <summary>A candidate drawn around the origin, and its text.</summary>
    internal static (double[] X, string Text) Draw(Draws draws, double scale)
    {
        double[] x = [.. Enumerable.Range(0, Dimension).Select(i => Math.Round(scale * draws.Key(i).Normal(), 6))];
        return (x, string.Join(' ', x.Select(value => value.ToString(CultureInfo.InvariantCulture))));
    }
}

/// <summary>Pairs of candidates near the origin, labelled by the gold score; of the claim of rm-ensembles.</summary>
[Data("rm-ensembles-pairs")]
public sealed class Pairs(PairsOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var (gold, draws) = (new Gold(run), run.Draws.Key("rm-ensembles").Key("pairs"));
        return new([.. Enumerable.Range(0, options.Count).Select(i =>
        {
            var (a, b) = (Gold.Draw(draws.Key(i).Key(0), 1), Gold.Draw(draws.Key(i).Key(1), 1));
            var (chosen, rejected) = gold.Of(a.X) >= gold.Of(b.X) ? (a, b) : (b, a);
            return new Example(i, new JsonObject { ["prompt"] = "x", ["chosen"] = chosen.Text, ["rejected"] = rejected.Text });
        })], []);
    }
}

/// <summary>Options of <c>rm-ensembles-pairs</c>.</summary>
public sealed record PairsOptions
{
    /// <summary>Pairs.</summary>
    [Positive]
    public int Count { get; init; } = 200;
}

/// <summary>Prompts with candidates, half of them far from where the pairs were; of the claim of rm-ensembles.</summary>
[Data("rm-ensembles-candidates")]
public sealed class Candidates(CandidatesOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("rm-ensembles").Key("candidates");
        var rows = from prompt in Enumerable.Range(0, options.Prompts)
                   from candidate in Enumerable.Range(0, options.Candidates)
                   let own = draws.Key(prompt).Key(candidate)
                   let drawn = Gold.Draw(own, own.Key("far").Uniform() < 0.5 ? 2.5 : 1)
                   select new Example((prompt * options.Candidates) + candidate, new JsonObject { ["prompt"] = prompt.ToString(CultureInfo.InvariantCulture), ["completion"] = drawn.Text });
        return new([.. rows], []);
    }
}

/// <summary>Options of <c>rm-ensembles-candidates</c>.</summary>
public sealed record CandidatesOptions
{
    /// <summary>Prompts.</summary>
    [Positive]
    public int Prompts { get; init; } = 60;

    /// <summary>Candidates of each.</summary>
    [Positive]
    public int Candidates { get; init; } = 1024;
}
