using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Xpo;

/// <summary>Belongs to the claim of xpo: 64 prompts with ten answers each, of which the start hardly ever gives the best.</summary>
internal static class Bandit
{
    internal const int Prompts = 64;
    internal const int Answers = 10;
    internal const double Rare = 0.002;

    /// <summary>1 for answer 0, 1/2 for answer 1, else 0.</summary>
    internal static double Reward(long answer) => answer switch { 0 => 1, 1 => 0.5, _ => 0 };
}

/// <summary>Belongs to the claim of xpo: the prompts.</summary>
[Data("xpo-bandit")]
public sealed class BanditPrompts : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, Bandit.Prompts).Select(i => new Example(i, new JsonObject { ["prompt"] = $"{i}" }))], []);
}

/// <summary>Belongs to the claim of xpo: a table policy that begins with probability 0.002 for the best answer and equal ones for the others.</summary>
[Model("xpo-bandit")]
public sealed class BanditModel(RunContext run) : TableModel(new Places(), Start(run))
{
    private static Tensor Start(RunContext run)
    {
        double[] row = [.. Enumerable.Range(0, Bandit.Answers).Select(answer => Math.Log(answer == 0 ? Bandit.Rare : (1 - Bandit.Rare) / (Bandit.Answers - 1)))];
        return tensor(row, [1, 1, Bandit.Answers], device: run.Device).to_type(run.Dtype).repeat(Bandit.Prompts, 1, 1);
    }

    private sealed class Places : ITokenizer
    {
        public int VocabularySize => Bandit.Prompts;

        public int? EosId => null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [int.Parse(text, CultureInfo.InvariantCulture)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
    }
}

/// <summary>Belongs to the claim of xpo: σ(4(r_1 - r_2)); tells in how many prompts the first answers, the policy's, ever were the best one.</summary>
[Judge("xpo-bandit")]
public sealed class BanditRater : IJudge
{
    private readonly HashSet<long> _found = [];

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double> { ["found"] = _found.Count / (double)Bandit.Prompts };

    /// <inheritdoc/>
    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        _found.UnionWith(pairs.Where(pair => pair.First.Completion[0] == 0).Select(pair => pair.First.Example.Index));
        return [.. pairs.Select(pair => 1 / (1 + Math.Exp(4 * (Bandit.Reward(pair.Second.Completion[0]) - Bandit.Reward(pair.First.Completion[0])))))];
    }
}

/// <summary>Belongs to the claim of xpo: the policy's expected reward, exactly, after each round.</summary>
[Observer("xpo-bandit")]
public sealed class BanditReward(StageContext stage) : IObserver
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measure(int step)
    {
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var policy = ((TableModel)stage.Policy).Values.select(1, 0).softmax(-1).to_type(ScalarType.Float64).cpu();
        var rewards = tensor(Enumerable.Range(0, Bandit.Answers).Select(answer => Bandit.Reward(answer)).ToArray());
        return new Dictionary<string, double> { ["expected_reward"] = (policy * rewards).sum(-1).mean().ToDouble() };
    }

    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;
}
