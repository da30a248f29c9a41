using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json.Nodes;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RToQ;

/// <summary>Colours the tokens of stored answers by the reward that the policy gives each against a reference, and tells the worst: credit without labels of tokens.</summary>
/// <remarks>
/// The files <c>stage.credit.json</c> and <c>stage.credit.html</c> of the run's folder hold every answer; the results are the means of an answer's total and of its lowest
/// reward. A measure of an analysis stage, after one that kept a reference.
/// </remarks>
[Evaluation("r-to-q")]
public sealed class TokenCredit(TokenCreditOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        if (!stage.Run.Models.Roles.Contains(options.Reference))
        {
            throw new PlumblineException($"the evaluation r-to-q measures rewards against the model '{options.Reference}', and the run has none yet; name it as a measure of an analysis stage that comes after one with a reference");
        }

        var rows = options.Examples(stage);
        var answers = PolicySamples.Stored(stage, rows, [.. options.Answers]);
        var (policy, reference) = (new SequenceScorer(stage.Policy), new SequenceScorer(stage.Run.Models.Get<ICausalModel>(options.Reference)));
        var credit = new CreditOptions { Beta = options.Beta, Top = options.Top };
        stage.Policy.Network.eval();
        using var still = no_grad();
        var told = new JsonArray();
        foreach (var some in answers.Chunk(options.BatchSize))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            var (mine, its) = (policy.Score(some), reference.Score(some));
            var found = RToQ.Credit(mine.Logps, its.Logps, mine.Mask, credit);
            var (rewards, worst) = (found.Tensor("token_rewards").to_type(ScalarType.Float64).cpu(), (int[][])found["worst_tokens"]);
            for (var row = 0; row < some.Length; row++)
            {
                told.Add(Answer(stage.Policy.Tokenizer, some[row].Completion, rewards[row].data<double>().ToArray(), worst[row], rows[told.Count / options.Answers.Count], options.Answers[told.Count % options.Answers.Count]));
            }
        }

        StageFile.Write(stage, "credit", new JsonObject { ["beta"] = options.Beta, ["reference"] = options.Reference, ["answers"] = told });
        StageFile.Write(stage, "credit.html", Page(told));
        var name = options.Name ?? "credit";
        return new Dictionary<string, double>
        {
            [name + "_total"] = told.Average(answer => answer!["total"]!.GetValue<double>()),
            [name + "_worst"] = told.Average(answer => answer!["token_rewards"]!.AsArray().Min(reward => reward!.GetValue<double>())),
        };
    }

    private static JsonObject Answer(ITokenizer tokenizer, int[] tokens, double[] rewards, int[] worst, Example row, string column) => new()
    {
        ["prompt"] = row.FindText("prompt"),
        ["answer"] = column,
        ["total"] = rewards.Take(tokens.Length).Sum(),
        ["tokens"] = new JsonArray([.. tokens.Select(token => (JsonNode)(tokenizer.Decode([token]) is { Length: > 0 } text ? text : $"[{token}]"))]),
        ["token_rewards"] = new JsonArray([.. rewards.Take(tokens.Length).Select(reward => (JsonNode)reward)]),
        ["worst_tokens"] = new JsonArray([.. worst.Select(place => (JsonNode)place)]),
    };

    /// <summary>A page to look at: red where a token costs, green where it pays, as strong as its reward is large; the worst underlined.</summary>
    private static string Page(JsonArray answers)
    {
        var largest = Math.Max(1e-9, answers.SelectMany(answer => answer!["token_rewards"]!.AsArray()).Max(reward => Math.Abs(reward!.GetValue<double>())));
        var page = new StringBuilder("<!doctype html>\n<meta charset=\"utf-8\">\n<style>body { font-family: sans-serif } b { font-weight: normal; white-space: pre-wrap } .worst { text-decoration: underline }</style>\n");
        foreach (var answer in answers)
        {
            var (rewards, worst) = (answer!["token_rewards"]!.AsArray(), answer["worst_tokens"]!.AsArray().Select(place => place!.GetValue<int>()).ToHashSet());
            page.Append(CultureInfo.InvariantCulture, $"<p>{HtmlEncoder.Default.Encode(answer["prompt"]?.GetValue<string>() ?? string.Empty)} <i>{HtmlEncoder.Default.Encode(answer["answer"]!.GetValue<string>())} {answer["total"]!.GetValue<double>():F3}</i><br>\n");
            for (var i = 0; i < rewards.Count; i++)
            {
                var reward = rewards[i]!.GetValue<double>();
                page.Append(CultureInfo.InvariantCulture, $"<b{(worst.Contains(i) ? " class=\"worst\"" : string.Empty)} style=\"background: rgba({(reward < 0 ? "220,40,40" : "40,160,60")},{Math.Abs(reward) / largest:F2})\" title=\"{reward:F4}\">{HtmlEncoder.Default.Encode(answer["tokens"]![i]!.GetValue<string>())}</b> ");
            }

            page.Append("</p>\n");
        }

        return page.ToString();
    }
}
