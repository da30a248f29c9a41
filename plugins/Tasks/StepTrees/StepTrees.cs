using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using Plumbline.Training.Search;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.StepTrees;

/// <summary>Problems that are trees of depth 4 with 4 actions a node, of which one or two are valid: an answer is right when all its actions are.</summary>
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

    /// <summary>The key is older than this task's name: measured claims rest on these draws.</summary>
    private static Draws Draws(RunContext run) => run.Draws.Key("direct-advantage");

    /// <summary>The valid actions of a node that valid actions lead to: one with probability 0.6, else two.</summary>
    internal static int[] Valid(RunContext run, int problem, int prefix)
    {
        var draws = Draws(run).Key(problem).Key(prefix);
        return draws.Permutation(Actions)[..(draws.Key("two").Uniform() < 0.6 ? 1 : 2)];
    }

    /// <summary>The probability that the path so far holds, as a judge of partial answers sees it: right more often than not, and drawn once for each.</summary>
    internal static double Confidence(RunContext run, int problem, ReadOnlySpan<int> prefix)
    {
        var noise = Draws(run).Key("confidence").Key(problem).Key(Number(prefix)).Normal();
        return Math.Clamp((Holds(run, problem, prefix) ? 0.65 : 0.35) + (0.2 * noise), 0.01, 1);
    }

    internal static bool Right(RunContext run, int problem, ReadOnlySpan<int> answer) => answer.Length == Depth && Holds(run, problem, answer);

    /// <summary>Whether all actions so far are valid.</summary>
    private static bool Holds(RunContext run, int problem, ReadOnlySpan<int> answer)
    {
        for (var t = 0; t < answer.Length; t++)
        {
            if (!Valid(run, problem, Number(answer[..t])).Contains(answer[t]))
            {
                return false;
            }
        }

        return true;
    }
}

/// <summary>The problems, a row each.</summary>
[Data("step-trees")]
public sealed class StepTrees : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, Tree.Problems).Select(problem =>
        new Example(problem, new JsonObject { ["prompt"] = problem.ToString(CultureInfo.InvariantCulture) }))], []);
}

/// <summary>1 for a right answer, else 0.</summary>
[Reward("step-trees")]
public sealed class TreeLeaf(RunContext run) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Tree.Right(run, (int)rollout.Example.Index, rollout.Completion) ? 1 : 0;
    }
}

/// <summary>Logits of each action after each prefix of each problem, N(0, 0.7²) and 0.6 more where valid.</summary>
[Model("step-trees")]
public sealed class TreePolicy : TokenFunctionModel
{
    private readonly Table _table;

    /// <summary>Builds the table on the run's device and dtype.</summary>
    public TreePolicy(TreePolicyOptions options, RunContext run, IServiceProvider services)
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

    private TreePolicy(TreePolicy other)
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
    protected override TokenFunctionModel Copy() => new TreePolicy(this);

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

/// <summary>Options of <c>step-trees</c>.</summary>
public sealed record TreePolicyOptions
{
    /// <summary>Text to tokens; numbers below 16.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>The exact probability of a right answer, the mean over the problems.</summary>
[Evaluation("step-trees")]
public sealed class TreeSuccess : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var probabilities = ((TreePolicy)stage.Policy).Probabilities();
        return new Dictionary<string, double> { ["success"] = Enumerable.Range(0, Tree.Problems).Average(problem => Success(problem, [])) };

        double Success(int problem, int[] prefix)
        {
            var number = Tree.Number(prefix);
            return prefix.Length == Tree.Depth ? 1 : Tree.Valid(stage.Run, problem, number).Sum(action =>
                probabilities[(((problem * Tree.Prefixes) + number) * Tree.Actions) + action] * Success(problem, [.. prefix, action]));
        }
    }
}

/// <summary>How sure a judge is of a partial answer to a step tree: about 0.65 where all its actions are valid, about 0.35 where one is not, with noise that is drawn once for each.</summary>
[Part(SearchKinds.StateValue, "step-trees")]
public sealed class TreeConfidence(RunContext run) : IStateValue
{
    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(states);
        return [.. states.Select(state => Tree.Confidence(run, (int)state.Task.Example.Index, [.. state.Steps.SelectMany(step => step.Tokens)]))];
    }
}
