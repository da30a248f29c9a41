using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Plumbline.Plugins.KvCache;
using Plumbline.Plugins.Letters;
using Plumbline.Plugins.Rso;
using Plumbline.Plugins.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

/// <summary>The task that many claims share, and RSO's pairs made on it.</summary>
public sealed class LettersTests
{
    [Fact]
    public void Answers_are_uniform_letters_that_end_as_the_options_say()
    {
        var rows = Rows(new LettersDataOptions { Count = 20000 });
        Assert.All(rows, row => Assert.Equal(2, row.Text("prompt").Length));
        Assert.All(rows, row => Assert.InRange(row.Text("completion").Length, 1, 9));
        // Σ 0.86^k for k = 0 … 8.
        Assert.InRange(rows.Average(row => row.Text("completion").Length), 5.2, 5.4);
        var letters = string.Concat(rows.Select(row => row.Text("completion") + row.Text("prompt")));
        Assert.All(letters.CountBy(letter => letter), pair => Assert.InRange(pair.Value / (double)letters.Length, 0.12, 0.13));
        Assert.Equal(8, letters.Distinct().Count());
    }

    [Fact]
    public void Labels_follow_content_and_length()
    {
        var pairs = Rows(new LettersDataOptions { Rows = LettersRows.Pairs, Count = 20000, Length = 0.35 });
        Assert.InRange(pairs.Average(pair => pair.Text("chosen").Length), 6.2, 6.4);
        Assert.InRange(pairs.Average(pair => pair.Text("rejected").Length), 4.2, 4.4);
        var sure = Rows(new LettersDataOptions { Rows = LettersRows.Pairs, Content = 1000 });
        Assert.All(sure, pair => Assert.True(Balance(pair.Text("chosen")) >= Balance(pair.Text("rejected"))));
    }

    [Fact]
    public void A_row_depends_on_seed_series_and_place_alone()
    {
        var few = Rows(new LettersDataOptions { Count = 5 });
        Assert.Equal(Texts(few), Texts(Rows(new LettersDataOptions { Count = 50, HeldOut = 3 })).Take(5));
        Assert.NotEqual(Texts(few), Texts(Rows(new LettersDataOptions { Count = 5, Series = 1 })));
        var data = new LettersData(new LettersDataOptions { Count = 50, HeldOut = 30 }).Load(NewRun());
        Assert.Equal(80, data.Train.Concat(data.HeldOut).Select(row => row.Index).Distinct().Count());

        static IEnumerable<string> Texts(IReadOnlyList<Example> rows) => rows.Select(row => row.Columns.ToJsonString());
    }

    [Fact]
    public void Letters_are_read_and_written_and_nothing_else_is()
    {
        var tokenizer = new Letters();
        Assert.Equal([0, 7, 2], tokenizer.Encode("ahc"));
        Assert.Equal("ahc", tokenizer.Decode([0, 7, 2, 8, 9]));
        Assert.Contains("'i'", Assert.Throws<PlumblineException>(() => tokenizer.Encode("ai")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_reward_weighs_balance_and_length() =>
        Assert.Equal((2 * (3 - 1)) + (0.5 * 5), new LetterBalance(new LetterBalanceOptions { Content = 2, Length = 0.5 }).Score(Answer("aabac")));

    [Fact]
    public void An_evaluation_is_the_same_twice_and_a_policy_has_no_divergence_from_itself()
    {
        using var small = new Small();
        small.Stage.Run.Models.Set("reference", small.Stage.Policy.Freeze());
        var options = new LettersEvaluationOptions { Sampler = Sampler(1), Reward = Part<IReward>.Of("letter-balance", new LetterBalance(new LetterBalanceOptions { Length = 1 })), Samples = 50, Name = "x" };
        var (first, second) = (new LettersEvaluation(options).Evaluate(small.Stage, CancellationToken.None), new LettersEvaluation(options).Evaluate(small.Stage, CancellationToken.None));
        Assert.Equal(first, second);
        Assert.Equal(0, first["x/kl"], 1e-6);
        Assert.Equal(first["x/reward"], first["x/content"] + first["x/length"], 1e-9);
        Assert.InRange(first["x/length"], 0, 9);
    }

    [Fact]
    public void RSO_pairs_accepted_answers_of_one_prompt_the_better_first()
    {
        using var small = new Small();
        var pairs = RsoPairs(small, new RsoSamplingOptions { Sampler = Sampler(16), Rewards = [Balance()] });
        Assert.InRange(pairs.Count, 20, 40 * 4);
        Assert.Equal(pairs.Count, pairs.Select(pair => pair.Index).Distinct().Count());
        Assert.All(pairs, pair => Assert.True(pair.FindNumber("chosen_score") > pair.FindNumber("rejected_score")));
        Assert.All(pairs, pair => Assert.Equal(Balance(pair.Text("chosen")), pair.FindNumber("chosen_score")));
    }

    [Fact]
    public void What_RSO_accepts_is_better_than_what_was_sampled()
    {
        using var small = new Small();
        var options = new RsoSamplingOptions { Sampler = Sampler(16), Rewards = [Balance()] };
        double Mean(RsoSamplingOptions options) => RsoPairs(small, options).Average(pair => (pair.FindNumber("chosen_score") + pair.FindNumber("rejected_score"))!.Value / 2);
        Assert.True(Mean(options) > Mean(options with { AcceptAll = true }) + 0.5);
    }

    [Fact]
    public void A_judge_labels_RSOs_pairs_and_a_tournament_makes_one_less_than_answers()
    {
        using var small = new Small();
        var options = new RsoSamplingOptions { Sampler = Sampler(16), Rewards = [Balance()], Judge = Part<IJudge>.Of("shorter", new Shorter()) };
        Assert.All(RsoPairs(small, options), pair => Assert.True(pair.Text("chosen").Length <= pair.Text("rejected").Length));
        Assert.Equal(40 * 7, RsoPairs(small, options with { Ranking = Ranking.Tournament }).Count);
        Assert.Equal(40 * 4, RsoPairs(small, options).Count);
    }

    private static IReadOnlyList<Example> RsoPairs(Small small, RsoSamplingOptions options) =>
        new RsoSampling(options, small.Stage).Apply(Rows(new LettersDataOptions { Rows = LettersRows.Prompts, Count = 40 }), new Draws(5), CancellationToken.None);

    private static IReadOnlyList<Example> Rows(LettersDataOptions options) => new LettersData(options).Load(NewRun()).Train;

    private static RunContext NewRun() => new() { Name = "test", Folder = ".", BaseFolder = ".", Seed = 1, Device = CPU, Dtype = float32 };

    private static Part<ISampler> Sampler(int group) => Part<ISampler>.Of("kv-cache", new KvCache(new KvCacheOptions { GroupSize = group, MaxNewTokens = 9 }));

    private static Part<IReward> Balance() => Part<IReward>.Of("letter-balance", new LetterBalance(new LetterBalanceOptions()));

    private static int Balance(string text) => text.Count(letter => letter == 'a') - text.Count(letter => letter == 'b');

    private static Rollout Answer(string text) =>
        new() { Example = new Example(0, new JsonObject()), GroupId = 0, Sample = 0, Prompt = [0], Completion = [8], Logps = [0], Text = text, Truncated = false };

    private sealed class Shorter : IJudge
    {
        public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context) =>
            [.. pairs.Select(pair => (1 + Math.Sign(pair.Second.Text.Length - pair.First.Text.Length)) / 2.0)];
    }

    /// <summary>A run with an untrained policy of letters.</summary>
    private sealed class Small : IDisposable
    {
        internal Small()
        {
            var run = NewRun();
            var options = new TransformerOptions { Layers = 1, Width = 8, Heads = 2, ContextLength = 16, InitStd = 0.1, Tokenizer = Part<ITokenizer>.Of("letters", new Letters()) };
            run.Models.Set("policy", new Transformer(options, run, new Nothing()));
            Stage = new StageContext { Run = run, Index = 0, Name = "stage", Services = new Nothing(), Recorder = new Nothing(), Log = NullLogger.Instance };
        }

        internal StageContext Stage { get; }

        public void Dispose() => Stage.Run.Models.Dispose();
    }

    private sealed class Nothing : IServiceProvider, IRecorder
    {
        public object? GetService(Type serviceType) => null;

        public void Begin(int steps)
        {
        }

        public void InHand(string part, string phase)
        {
        }

        public void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens)
        {
        }

        public void Sample(JsonObject sample)
        {
        }

        public void Diagnose(Diagnosis diagnosis)
        {
        }
    }
}
