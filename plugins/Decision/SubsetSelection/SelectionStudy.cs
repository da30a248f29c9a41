using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Options;
using Plumbline.Training;

namespace Plumbline.Plugins.SubsetSelection;

/// <summary>Compares score functions under bias: the quality of sets chosen with and without quotas, and from unbiased rankings, for several numbers of rankings; and how many rankings a wanted quality takes.</summary>
/// <remarks>
/// Results: rule_quotas_m, rule_free_m, rule_unbiased_m and rule_agreement_m for each rule and number m of rankings; rule_needed, the smallest m whose mean quality with quotas is
/// as wanted, or 0 where none is. A table goes to the run's folder.
/// </remarks>
[Evaluation("subset-selection-study", Paper = "2306.09835", Title = "Subset Selection Based On Multiple Rankings in the Presence of Bias: Effectiveness of Fairness Constraints for Multiwinner Voting Score Functions")]
public sealed class SelectionStudy(StudyOptions options) : IEvaluation
{
    private static readonly string[] Measures = ["quotas", "free", "unbiased", "agreement"];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var sums = new Dictionary<(ScoreRule Rule, int Voters), double[]>();
        for (var population = 0; population < options.Populations; population++)
        {
            cancel.ThrowIfCancellationRequested();
            Measure(stage.Run.Draws.Key("subset-selection").Key(population), sums);
        }

        var prefix = options.Name is { } name ? name + "_" : string.Empty;
        var (results, table) = (new Dictionary<string, double>(), new JsonArray());
        foreach (var rule in options.Rules)
        {
            var needed = 0;
            foreach (var voters in options.Voters.Order())
            {
                var means = sums[(rule, voters)].Select(sum => sum / options.Populations).ToArray();
                needed = needed == 0 && means[0] >= options.Wanted ? voters : needed;
                var row = new JsonObject { ["rule"] = Naming.ToJson(rule.ToString()), ["rankings"] = voters };
                for (var i = 0; i < Measures.Length; i++)
                {
                    results[string.Create(CultureInfo.InvariantCulture, $"{prefix}{Naming.ToJson(rule.ToString())}_{Measures[i]}_{voters}")] = means[i];
                    row[Measures[i]] = means[i];
                }

                table.Add((JsonNode)row);
            }

            results[$"{prefix}{Naming.ToJson(rule.ToString())}_needed"] = needed;
        }

        StageFile.Write(stage, options.Name ?? "subset-selection", table);
        return results;
    }

    /// <summary>One population: items with their qualities, true and biased voters.</summary>
    private void Measure(Draws draws, Dictionary<(ScoreRule Rule, int Voters), double[]> sums)
    {
        double[] quality = [.. Enumerable.Range(0, options.Items).Select(item => draws.Key("quality").Key(item).Uniform())];
        int[] groups = [.. Enumerable.Range(0, options.Items).Select(item => item % options.Groups)];
        var quotas = SubsetSelection.QuotasOf(groups, options.K, new QuotaOptions { Kind = options.Quotas });
        var truth = new Rankings(Rank("true", options.TrueVoters, biased: false));
        var (unbiased, biased) = (Rank("unbiased", options.Voters.Max(), biased: false), Rank("biased", options.Voters.Max(), biased: true));
        foreach (var rule in options.Rules)
        {
            var reference = SubsetSelection.Greedy(truth, groups, options.K, rule).Subset;
            foreach (var voters in options.Voters)
            {
                var (seen, fair) = (new Rankings(biased[..voters]), new Rankings(unbiased[..voters]));
                double[] measured =
                [
                    Worth(SubsetSelection.Greedy(seen, groups, options.K, rule, quotas.Lower, quotas.Upper)),
                    Worth(SubsetSelection.Greedy(seen, groups, options.K, rule)),
                    Worth(SubsetSelection.Greedy(fair, groups, options.K, rule)),
                    SubsetSelection.OrderAgreement(truth, seen, groups, options.K, rule).Agreement,
                ];
                var before = sums.GetValueOrDefault((rule, voters)) ?? new double[measured.Length];
                sums[(rule, voters)] = [.. before.Zip(measured, (sum, value) => sum + value)];
            }

            double Worth(Selection selection) => SubsetSelection.Quality(truth, selection.Subset, reference, rule);
        }

        int[][] Rank(string purpose, int voters, bool biased) => [.. Enumerable.Range(0, voters).Select(voter =>
        {
            var own = draws.Key(purpose).Key(voter);
            double[] utilities = [.. quality.Select((value, item) => Math.Max(value + (options.Spread * own.Key(item).Normal()), 0))];
            return biased ? BiasedRankings.OfVoter(utilities, groups, options, null, [.. Enumerable.Range(0, options.Items - 1).Select(t => own.Key("swap").Key(t).Uniform())]) : Rankings.ByValue(utilities);
        })];
    }
}
