using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>Problems that are trees of depth 4 with 4 actions a node, of which one or two are valid: an answer is right when all its actions are; of the claim of direct-advantage.</summary>
internal static class Tree
{
    internal const int Depth = 4;
    internal const int Actions = 4;
    internal const int Problems = 16;

    /// <summary>Prefixes of fewer actions than an answer has.</summary>
    internal const int Prefixes = 1 + 4 + 16 + 64;

    /// <summary>The number of a prefix: those of n actions come after all shorter ones.</summary>
    internal static int Number(ReadOnlySpan<int> prefix)
    {
        var number = 0;
        foreach (var action in prefix)
        {
            number = (number * Actions) + 1 + action;
        }

        return number;
    }

    /// <summary>The valid actions of a node that valid actions lead to: one with probability 0.6, else two.</summary>
    internal static int[] Valid(RunContext run, int problem, int prefix)
    {
        var draws = run.Draws.Key("direct-advantage").Key(problem).Key(prefix);
        return draws.Permutation(Actions)[..(draws.Key("two").Uniform() < 0.6 ? 1 : 2)];
    }

    internal static bool Right(RunContext run, int problem, ReadOnlySpan<int> answer)
    {
        for (var t = 0; t < answer.Length; t++)
        {
            if (!Valid(run, problem, Number(answer[..t])).Contains(answer[t]))
            {
                return false;
            }
        }

        return answer.Length == Depth;
    }
}

/// <summary>The problems, a row each; of the claim of direct-advantage.</summary>
[Data("direct-advantage-problems")]
public sealed class ClaimProblems : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, Tree.Problems).Select(problem =>
        new Example(problem, new JsonObject { ["prompt"] = problem.ToString(CultureInfo.InvariantCulture) }))], []);
}

/// <summary>1 for a right answer, else 0; of the claim of direct-advantage.</summary>
[Reward("direct-advantage-leaf")]
public sealed class ClaimLeaf(RunContext run) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Tree.Right(run, (int)rollout.Example.Index, rollout.Completion) ? 1 : 0;
    }
}

/// <summary>Logits of each action after each prefix of each problem, N(0, 0.7²) and 0.6 more where valid; of the claim of direct-advantage.</summary>
[Model("direct-advantage-tree")]
public sealed class ClaimPolicy : TokenFunctionModel
{
    private readonly Table _table;

    /// <summary>Builds the table on the run's device and dtype.</summary>
    public ClaimPolicy(ClaimPolicyOptions options, RunContext run, IServiceProvider services)
        : base(options?.Tokenizer.Create(services) ?? throw new ArgumentNullException(nameof(options)), 1 + Tree.Depth)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("weights");
        var logits = new double[Tree.Problems * Tree.Prefixes * Tree.Actions];
        for (var i = 0; i < logits.Length; i++)
        {
            logits[i] = 0.7 * draws.Key(i).Normal();
        }

        for (var problem = 0; problem < Tree.Problems; problem++)
        {
            Prefer(problem, []);
        }

        _table = new Table(tensor(logits, [Tree.Problems * Tree.Prefixes, Tree.Actions], device: run.Device).to_type(run.Dtype));

        void Prefer(int problem, int[] prefix)
        {
            var number = Tree.Number(prefix);
            foreach (var action in prefix.Length == Tree.Depth ? [] : Tree.Valid(run, problem, number))
            {
                logits[(((problem * Tree.Prefixes) + number) * Tree.Actions) + action] += 0.6;
                Prefer(problem, [.. prefix, action]);
            }
        }
    }

    private ClaimPolicy(ClaimPolicy other)
        : base(other.Tokenizer, 1 + Tree.Depth) => _table = new Table(other._table.Logits);

    /// <inheritdoc/>
    public override nn.Module Network => _table;

    /// <summary>[problems,prefixes,actions] the probabilities.</summary>
    internal double[] Probabilities() => _table.Logits.detach().softmax(-1).to_type(ScalarType.Float64).cpu().data<double>().ToArray();

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var row = tokens.narrow(1, 0, 1);
        Tensor[] rows = new Tensor[Math.Min(tokens.shape[1], Tree.Depth)];
        var prefix = zeros_like(row);
        for (var t = 0; t < rows.Length; t++)
        {
            prefix = t == 0 ? prefix : (prefix * Tree.Actions) + 1 + tokens.narrow(1, t, 1);
            rows[t] = (row * Tree.Prefixes) + prefix;
        }

        var actions = _table.Logits.index_select(0, cat(rows, 1).clamp_max((Tree.Problems * Tree.Prefixes) - 1).reshape(-1)).reshape(tokens.shape[0], rows.Length, Tree.Actions);
        // The other numbers of the language are no actions.
        var others = full([tokens.shape[0], rows.Length, Tokenizer.VocabularySize - Tree.Actions], -1e4, actions.dtype, actions.device);
        return cat([actions, others], 2);
    }

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new ClaimPolicy(this);

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

/// <summary>Options of <c>direct-advantage-tree</c>.</summary>
public sealed record ClaimPolicyOptions
{
    /// <summary>Text to tokens; numbers below 16.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The exact probability of a right answer, the mean over the problems; of the claim of direct-advantage.</summary>
[Evaluation("direct-advantage-success")]
public sealed class ClaimSuccess : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var probabilities = ((ClaimPolicy)stage.Policy).Probabilities();
        return new Dictionary<string, double> { ["success"] = Enumerable.Range(0, Tree.Problems).Average(problem => Success(problem, [])) };

        double Success(int problem, int[] prefix)
        {
            var number = Tree.Number(prefix);
            return prefix.Length == Tree.Depth ? 1 : Tree.Valid(stage.Run, problem, number).Sum(action =>
                probabilities[(((problem * Tree.Prefixes) + number) * Tree.Actions) + action] * Success(problem, [.. prefix, action]));
        }
    }
}

/// <summary>The same answers with the outcome less the problem's mean on every step; the baseline of the claim of direct-advantage.</summary>
[Transform("direct-advantage-outcome")]
[Default("sampler", "kv-cache")]
[Default("reward", "direct-advantage-leaf")]
public sealed class ClaimOutcome(DirectAdvantageStatesOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var sampling = new StepSampling(options, stage, draws, cancel);
        var answers = sampling.Sample(rows);
        var means = answers.GroupBy(answer => answer.Rollout.GroupId).ToDictionary(group => group.Key, group => group.Average(answer => answer.Outcome));
        return [.. answers.Select((answer, i) => StepAdvantages.Row(i, answer, sampling, [], [.. answer.Ends.Select(_ => answer.Outcome - means[answer.Rollout.GroupId])]))];
    }
}

/// <summary>The same answers in pairs, every right one of a problem with every wrong one; for DPO, the other baseline of the claim of direct-advantage.</summary>
[Transform("direct-advantage-pairs")]
[Default("sampler", "kv-cache")]
[Default("reward", "direct-advantage-leaf")]
public sealed class ClaimPairs(DirectAdvantageStatesOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        var answers = new StepSampling(options, stage, draws, cancel).Sample(rows);
        var pairs = answers.GroupBy(answer => answer.Rollout.GroupId).SelectMany(group =>
            from right in @group
            where right.Outcome == 1
            from wrong in @group
            where wrong.Outcome == 0
            select (right.Rollout, Wrong: wrong.Rollout.Text));
        return [.. pairs.Select((pair, i) => new Example(i, new JsonObject { ["prompt"] = pair.Rollout.Example.Text("prompt"), ["chosen"] = pair.Rollout.Text, ["rejected"] = pair.Wrong }))];
    }
}
