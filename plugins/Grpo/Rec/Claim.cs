using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Rec;

/// <summary>Options of the model <c>rec-quality</c>.</summary>
public sealed record QualityModelOptions
{
    /// <summary>Twelve numbers.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}

/// <summary>Belongs to the claim of rec: one network for all prompts, from sixteen features of a prompt to the logits of four tokens.</summary>
[Model("rec-quality")]
public sealed class QualityModel : TokenFunctionModel
{
    private readonly Perceptron _network;

    /// <summary>Weights and features from the run's draws.</summary>
    public QualityModel(QualityModelOptions options, RunContext run, IServiceProvider services)
        : this((options ?? throw new ArgumentNullException(nameof(options))).Tokenizer.Create(services), new Perceptron(run))
    {
    }

    private QualityModel(ITokenizer tokenizer, Perceptron network)
        : base(tokenizer, 2 + Quality.Length) => _network = network;

    /// <inheritdoc/>
    public override nn.Module Network => _network;

    /// <summary>[64,4,12] the next-token distributions of every prompt.</summary>
    internal Tensor Probabilities() => _network.Logits(arange(Quality.Prompts, ScalarType.Int64, _network.Device)).softmax(2);

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        // A prompt is the two digits of its number; after the first nothing is asked for.
        var answers = _network.Logits((tokens.select(1, 0) * Quality.Vocabulary) + tokens.select(1, 1));
        return cat([zeros_like(answers.narrow(1, 0, 1)), answers, zeros_like(answers.narrow(1, 0, 1))], 1).narrow(1, 0, tokens.shape[1]);
    }

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new QualityModel(Tokenizer, new Perceptron(_network));

    /// <summary>16 → 64 → 64 → 4·12 with tanh between.</summary>
    private sealed class Perceptron : nn.Module
    {
        private static readonly int[] Widths = [16, 64, 64, Quality.Length * Quality.Vocabulary];
        private readonly Parameter[] _weights;
        private readonly Parameter[] _biases;
        private readonly Tensor _features;
        private readonly Tensor _lean;

        internal Perceptron(RunContext run)
            : base(nameof(Perceptron))
        {
            var draws = run.Draws.Key("rec-quality");
            _features = Values(draws.Key("features"), [Quality.Prompts, Widths[0]], draw => draw.Normal());
            _weights = [.. Enumerable.Range(0, 3).Select(layer => Uniform(draws.Key("weight").Key(layer), layer, [Widths[layer], Widths[layer + 1]]))];
            _biases = [.. Enumerable.Range(0, 3).Select(layer => Uniform(draws.Key("bias").Key(layer), layer, [Widths[layer + 1]]))];
            _lean = tensor(Enumerable.Range(0, Quality.Vocabulary).Select(id => id < Quality.Valid ? 1.5 : -2).ToArray(), device: run.Device).to_type(run.Dtype);
            Register();

            Tensor Values(Draws keyed, long[] shape, Func<Draws, double> draw) =>
                tensor(Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i => draw(keyed.Key(i))).ToArray(), shape, device: run.Device).to_type(run.Dtype);
            Parameter Uniform(Draws keyed, int layer, long[] shape) => new(Values(keyed, shape, draw => ((2 * draw.Uniform()) - 1) / Math.Sqrt(Widths[layer])));
        }

        internal Perceptron(Perceptron other)
            : base(nameof(Perceptron))
        {
            (_features, _lean) = (other._features.clone(), other._lean.clone());
            _weights = [.. other._weights.Select(weight => new Parameter(weight.detach().clone()))];
            _biases = [.. other._biases.Select(bias => new Parameter(bias.detach().clone()))];
            Register();
        }

        internal Device Device => _features.device;

        /// <summary>[N,4,12] logits of prompts [N].</summary>
        internal Tensor Logits(Tensor prompts)
        {
            var state = _features.index_select(0, prompts);
            for (var layer = 0; layer < 3; layer++)
            {
                state = state.matmul(_weights[layer]) + _biases[layer];
                state = layer < 2 ? state.tanh() : state;
            }

            return state.view(-1, Quality.Length, Quality.Vocabulary) + _lean;
        }

        private void Register()
        {
            register_buffer("features", _features);
            register_buffer("lean", _lean);
            for (var layer = 0; layer < 3; layer++)
            {
                register_parameter($"weight{layer}", _weights[layer]);
                register_parameter($"bias{layer}", _biases[layer]);
            }
        }
    }
}

/// <summary>Belongs to the claim of rec: sixty-four prompts; three of twelve tokens are valid at each of four places, each with a quality of its own.</summary>
[Data("rec-quality")]
public sealed class Quality : IData
{
    internal const int Prompts = 64;
    internal const int Length = 4;
    internal const int Vocabulary = 12;
    internal const int Valid = 3;

    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Prompts).Select(prompt => new Example(prompt, new JsonObject
        {
            ["prompt"] = $"{prompt / Vocabulary} {prompt % Vocabulary}",
            ["qualities"] = new JsonArray([.. Enumerable.Range(0, Length * Valid).Select(i => (JsonNode)Of(run, prompt, i / Valid, i % Valid))]),
        }))], []);

    /// <summary>The quality of a valid token.</summary>
    internal static double Of(RunContext run, int prompt, int place, int token) =>
        0.2 + (0.6 * (run ?? throw new ArgumentNullException(nameof(run))).Draws.Key("rec-quality").Key("qualities").Key(prompt).Key(place).Key(token).Uniform());
}

/// <summary>Belongs to the claim of rec: the mean quality of an answer whose tokens are all valid, else 0; with noise.</summary>
[Reward("rec-quality")]
public sealed class QualityReward : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(rollouts);
        ArgumentNullException.ThrowIfNull(context);
        return new([.. rollouts.Select((rollout, row) => Mean(rollout) + (0.3 * context.Draws.Key(row).Normal()))]);
    }

    private static double Mean(Rollout rollout) => rollout.Completion.All(token => token < Quality.Valid)
        ? rollout.Completion.Select((token, place) => rollout.Example.Columns["qualities"]![(place * Quality.Valid) + token]!.GetValue<double>()).Average() : 0;
}

/// <summary>Belongs to the claim of rec: the exact expected reward, and the exact probability that all tokens are valid; meaned over the prompts.</summary>
[Evaluation("rec-quality")]
public sealed class QualityEvaluation : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var valid = ((QualityModel)stage.Policy).Probabilities().narrow(2, 0, Quality.Valid).to_type(ScalarType.Float64);
        var qualities = tensor(
            Enumerable.Range(0, Quality.Prompts * Quality.Length * Quality.Valid)
                .Select(i => Quality.Of(stage.Run, i / (Quality.Length * Quality.Valid), i / Quality.Valid % Quality.Length, i % Quality.Valid)).ToArray(),
            valid.shape, device: valid.device);
        var mass = valid.sum(2);
        var all = mass.prod(1);
        var given = ((valid * qualities).sum(2) / mass).mean([1]);
        return new Dictionary<string, double> { ["value"] = (all * given).mean().ToDouble(), ["valid"] = all.mean().ToDouble() };
    }
}
