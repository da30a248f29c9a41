using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Engine;
using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RToQ;

/// <summary>The language of the claim of r-to-q: ten numbers after a number; every transition has a standard normal reward, and a reference draws by a table of its own.</summary>
internal static class Language
{
    internal const int Vocabulary = 10;
    internal const int Length = 10;

    /// <summary>[V,V] the reward of the step from the first token to the second.</summary>
    internal static double[] Rewards(RunContext run) => Normals(run.Draws.Key("r-to-q").Key("rewards"), 1);

    /// <summary>[V,V] log-probabilities under the reference.</summary>
    internal static Tensor Reference(RunContext run) => tensor(Normals(run.Draws.Key("r-to-q").Key("reference"), 0.7), [Vocabulary, Vocabulary]).log_softmax(1);

    /// <summary>The reward of an answer that follows a token.</summary>
    internal static double Score(double[] rewards, int start, ReadOnlySpan<int> answer)
    {
        var (sum, before) = (0.0, start);
        foreach (var token in answer)
        {
            sum += rewards[(before * Vocabulary) + token];
            before = token;
        }

        return sum;
    }

    internal static string Text(int[] tokens) => string.Join(' ', tokens);

    internal static int[] Tokens(string text) => [.. text.Split(' ').Select(word => int.Parse(word, CultureInfo.InvariantCulture))];

    private static double[] Normals(Draws draws, double scale) => [.. Enumerable.Range(0, Vocabulary * Vocabulary).Select(i => scale * draws.Key(i).Normal())];
}

/// <summary>Pairs of answers of the reference to one start, the better drawn by Bradley-Terry; of the claim of r-to-q.</summary>
[Data("r-to-q-pairs")]
public sealed class ClaimPairs : IData
{
    private const int Rows = 4000;
    private const int HeldOut = 200;

    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var rewards = Language.Rewards(run);
        double[][] reference = [.. Language.Reference(run).exp().data<double>().ToArray().Chunk(Language.Vocabulary)];
        Example[] rows = [.. Enumerable.Range(0, Rows + HeldOut).Select(i => Pair(i, run.Draws.Key("r-to-q").Key("pairs").Key(i)))];
        return new DataSet(rows[..Rows], rows[Rows..]);

        Example Pair(int index, Draws draws)
        {
            var start = draws.Key("start").Below(Language.Vocabulary);
            var (first, second) = (Draw(start, draws.Key(0)), Draw(start, draws.Key(1)));
            var better = draws.Key("label").Uniform() < 1 / (1 + Math.Exp(Language.Score(rewards, start, second) - Language.Score(rewards, start, first)));
            return new Example(index, new JsonObject
            {
                ["prompt"] = start.ToString(CultureInfo.InvariantCulture),
                ["chosen"] = Language.Text(better ? first : second),
                ["rejected"] = Language.Text(better ? second : first),
            });
        }

        int[] Draw(int start, Draws draws)
        {
            var (answer, before) = (new int[Language.Length], start);
            for (var t = 0; t < answer.Length; t++)
            {
                var left = draws.Key(t).Uniform();
                var token = 0;
                while (token < Language.Vocabulary - 1 && (left -= reference[before][token]) >= 0)
                {
                    token++;
                }

                answer[t] = before = token;
            }

            return answer;
        }
    }
}

/// <summary>Every start, a row each, held out; of the claim of r-to-q.</summary>
[Data("r-to-q-starts")]
public sealed class ClaimStarts : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([], [.. Enumerable.Range(0, Language.Vocabulary).Select(start => new Example(start, new JsonObject { ["prompt"] = start.ToString(CultureInfo.InvariantCulture) }))]);
}

/// <summary>The true reward of an answer; of the claim of r-to-q.</summary>
[Reward("r-to-q-reward")]
public sealed class ClaimReward(RunContext run) : RowReward
{
    private readonly double[] _rewards = Language.Rewards(run);

    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Language.Score(_rewards, rollout.Prompt[^1], rollout.Completion);
    }
}

/// <summary>Options of <c>r-to-q-bigram</c>.</summary>
public sealed record ClaimBigramOptions
{
    /// <summary>Text to tokens.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Logits of the next token for each token, at first the reference's; of the claim of r-to-q.</summary>
[Model("r-to-q-bigram")]
[Default("tokenizer", "numbers")]
[Default("tokenizer.vocabulary", Language.Vocabulary)]
public sealed class ClaimBigram : TokenFunctionModel
{
    private readonly Table _table;

    /// <summary>Builds the table on the run's device and dtype.</summary>
    public ClaimBigram(ClaimBigramOptions options, RunContext run, IServiceProvider services)
        : base(options?.Tokenizer.Create(services) ?? throw new ArgumentNullException(nameof(options)), 1 + Language.Length)
    {
        ArgumentNullException.ThrowIfNull(run);
        _table = new Table(Language.Reference(run).to(run.Device).to_type(run.Dtype));
    }

    private ClaimBigram(ClaimBigram other)
        : base(other.Tokenizer, 1 + Language.Length) => _table = new Table(other.Transitions);

    /// <inheritdoc/>
    public override nn.Module Network => _table;

    /// <summary>[V,V] the logits; they train.</summary>
    internal Parameter Transitions => _table.Logits;

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens) => Kernels.Embed(tokens, Transitions);

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new ClaimBigram(this);

    private sealed class Table : nn.Module
    {
        internal Table(Tensor start)
            : base(nameof(Table))
        {
            using var copy = start.detach().clone();
            Logits = new Parameter(copy);
            register_parameter("logits", Logits);
        }

        internal Parameter Logits { get; }
    }
}

/// <summary>Options of <c>r-to-q-counts</c>.</summary>
public sealed record ClaimCountsOptions : StageOptions
{
    /// <summary>Whose chosen answers are counted.</summary>
    public required Part<IData> Data { get; init; }
}

/// <summary>SFT on the chosen answers in closed form: each transition's count and 0.1; of the claim of r-to-q.</summary>
[Loop("r-to-q-counts")]
[Default("data", "r-to-q-pairs")]
public sealed class ClaimCounts(ClaimCountsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        stage.Recorder.Begin(1);
        IObserver[] observers = [.. options.Observers.Select(observer => observer.Create(stage.Services))];
        Array.ForEach(observers, observer => observer.OnBegin(1, stage.Recorder));
        var counts = new double[Language.Vocabulary * Language.Vocabulary];
        Array.Fill(counts, 0.1);
        var rows = options.Data.Create(stage.Services).Load(stage.Run).Train;
        foreach (var row in rows)
        {
            var before = Language.Tokens(row.Text("prompt"))[^1];
            foreach (var token in Language.Tokens(row.Text("chosen")))
            {
                counts[(before * Language.Vocabulary) + token]++;
                before = token;
            }
        }

        using var scope = NewDisposeScope();
        using var still = no_grad();
        var transitions = ((ClaimBigram)stage.Policy).Transitions;
        var fitted = tensor(counts, [Language.Vocabulary, Language.Vocabulary]).log().log_softmax(1);
        transitions.copy_(fitted.to(transitions.device).to_type(transitions.dtype));
        var told = new Dictionary<string, double> { ["rows"] = rows.Count };
        stage.Recorder.Step(0, told, 0);
        foreach (var observer in observers)
        {
            observer.OnStep(0, told, stage.Recorder);
            observer.OnEnd(1, stage.Recorder);
        }
    }
}

/// <summary>Options of <c>r-to-q-credit</c>.</summary>
public sealed record ClaimCreditOptions : RToQOptions
{
    /// <summary>What samples the answers that are spoilt.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>Answers, shared among the starts.</summary>
    [Positive]
    public int Answers { get; init; } = 500;
}

/// <summary>How often the lowest token reward sits at a spoilt token or the next, and how token rewards go with the true ones less their row's mean; of the claim of r-to-q.</summary>
[Evaluation("r-to-q-credit")]
[Default("sampler", "kv-cache")]
public sealed class ClaimCredit(ClaimCreditOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var (rewards, reference) = (Language.Rewards(stage.Run), Language.Reference(stage.Run));
        var policy = ((ClaimBigram)stage.Policy).Transitions.to_type(ScalarType.Float64).cpu().log_softmax(1);
        var implied = options.Beta * (policy - reference);
        var truth = tensor(rewards, [Language.Vocabulary, Language.Vocabulary]);
        var draws = stage.Run.Draws.Key("r-to-q").Key("credit");
        var answers = PolicySamples.Of(stage, options.Sampler.Create(stage.Services), new ClaimStarts().Load(stage.Run).HeldOut, options.Answers / Language.Vocabulary, draws.Key("answers"), cancel);
        var spoilt = answers.Select((answer, i) => Spoil(answer, 1 + draws.Key("place").Key(i).Below(Language.Length - 2))).ToList();
        var places = tensor(spoilt.SelectMany(answer => answer.Transitions).ToArray(), [spoilt.Count, Language.Length]);
        Tensor At(Tensor table) => table.reshape(-1).index_select(0, places.reshape(-1)).reshape(places.shape);
        var credit = RToQ.Credit(At(policy), At(reference), ones([spoilt.Count, Language.Length], ScalarType.Float64), new CreditOptions { Beta = options.Beta });
        var worst = (int[][])credit["worst_tokens"];
        return new Dictionary<string, double>
        {
            ["hits"] = spoilt.Select((answer, i) => worst[i][0] - answer.Place is 0 or 1 ? 1.0 : 0).Average(),
            ["correlation"] = Correlation(implied, truth - (reference.exp() * truth).sum(1, true)),
        };

        (int Place, long[] Transitions) Spoil(Rollout answer, int place)
        {
            int[] tokens = [answer.Prompt[^1], .. answer.Completion];
            tokens[place + 1] = Enumerable.Range(0, Language.Vocabulary).MinBy(token =>
                rewards[(tokens[place] * Language.Vocabulary) + token] + rewards[(token * Language.Vocabulary) + tokens[place + 2]]);
            return (place, [.. Enumerable.Range(0, Language.Length).Select(t => ((long)tokens[t] * Language.Vocabulary) + tokens[t + 1])]);
        }
    }

    /// <summary>Pearson's; 0 where there is no spread.</summary>
    private static double Correlation(Tensor x, Tensor y)
    {
        var (a, b) = (x - x.mean(), y - y.mean());
        return ((a * b).sum() / (a.square().sum() * b.square().sum()).sqrt().clamp_min(1e-12)).ToDouble();
    }
}
