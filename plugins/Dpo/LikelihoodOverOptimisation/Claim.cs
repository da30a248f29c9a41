using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training.Engine;
using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.LikelihoodOverOptimisation;

/// <summary>The language of the claim of likelihood-overopt: answers of six numbers below 32, of which those from 16 on are worth nothing.</summary>
internal static class Language
{
    internal const int Vocabulary = 32;
    internal const int Usual = 16;
    internal const int Length = 6;
    internal const int Prompts = 8;
    internal const int Good = 5;

    /// <summary>0 where a token is 16 or more, else the share of the prompt's good tokens plus the share of distinct ones.</summary>
    internal static double Score(RunContext run, int prompt, int[] answer)
    {
        int[] good = run.Draws.Key("likelihood-overopt").Key("good").Key(prompt).Permutation(Usual)[..Good];
        return answer.Any(token => token >= Usual) ? 0 : (answer.Count(good.Contains) + answer.Distinct().Count()) / (double)answer.Length;
    }

    /// <summary>Uniform over the usual tokens.</summary>
    internal static int[] Uniform(Draws draws) => [.. Enumerable.Range(0, Length).Select(t => draws.Key(t).Below(Usual))];

    internal static string Text(int[] tokens) => string.Join(' ', tokens);

    internal static int[] Tokens(string text) => [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word => int.Parse(word, CultureInfo.InvariantCulture))];
}

/// <summary>Uniform answers to learn from first; of the claim of likelihood-overopt.</summary>
[Data("likelihood-overopt-demonstrations")]
public sealed class ClaimDemonstrations : IData
{
    private const int Rows = 25600;

    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("likelihood-overopt").Key("demonstrations");
        return new([.. Enumerable.Range(0, Rows).Select(i => new Example(i, new JsonObject
        {
            ["prompt"] = draws.Key(i).Key("prompt").Below(Language.Prompts).ToString(CultureInfo.InvariantCulture),
            ["completion"] = Language.Text(Language.Uniform(draws.Key(i))),
        }))], []);
    }
}

/// <summary>Pairs of uniform answers, the higher score chosen; the held-out rows are the prompts; of the claim of likelihood-overopt.</summary>
[Data("likelihood-overopt-pairs")]
public sealed class ClaimPairs : IData
{
    private const int Rows = 400;

    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var draws = run.Draws.Key("likelihood-overopt").Key("pairs");
        return new(
            [.. Enumerable.Range(0, Rows).Select(i =>
            {
                var prompt = draws.Key(i).Key("prompt").Below(Language.Prompts);
                var (a, b) = (Language.Uniform(draws.Key(i).Key(0)), Language.Uniform(draws.Key(i).Key(1)));
                // Equal scores are no better and no worse: the first one counts as chosen, a label without meaning.
                var (chosen, rejected) = Language.Score(run, prompt, a) >= Language.Score(run, prompt, b) ? (a, b) : (b, a);
                return new Example(i, new JsonObject { ["prompt"] = prompt.ToString(CultureInfo.InvariantCulture), ["chosen"] = Language.Text(chosen), ["rejected"] = Language.Text(rejected) });
            })],
            [.. Enumerable.Range(0, Language.Prompts).Select(prompt => new Example(Rows + prompt, new JsonObject { ["prompt"] = prompt.ToString(CultureInfo.InvariantCulture) }))]);
    }
}

/// <summary>The gold score of an answer; of the claim of likelihood-overopt.</summary>
[Reward("likelihood-overopt-score")]
public sealed class ClaimScore(RunContext run) : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return Language.Score(run, int.Parse(rollout.Example.Text("prompt"), CultureInfo.InvariantCulture), Language.Tokens(rollout.Text));
    }
}

/// <summary>The network of the claim of likelihood-overopt: embeddings of the token before, the prompt and the position, one tanh layer, a softmax.</summary>
[Model("likelihood-overopt-network")]
public sealed class ClaimNetwork : TokenFunctionModel
{
    private readonly Layers _layers;

    /// <summary>Builds the network on the run's device and dtype.</summary>
    public ClaimNetwork(ClaimNetworkOptions options, RunContext run, IServiceProvider services)
        : base(options?.Tokenizer.Create(services) ?? throw new ArgumentNullException(nameof(options)), Language.Length + 1)
    {
        ArgumentNullException.ThrowIfNull(run);
        _layers = new Layers(run.Draws.Key("weights"), run.Device, run.Dtype);
    }

    private ClaimNetwork(ClaimNetwork other)
        : base(other.Tokenizer, Language.Length + 1) => _layers = new Layers(default, other._layers.Out.device, other._layers.Out.dtype);

    /// <inheritdoc/>
    public override nn.Module Network => _layers;

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        var width = tokens.shape[1];
        // The prompt stands where the token before the first one would: a token of its own.
        var before = cat([full_like(tokens.narrow(1, 0, 1), Language.Vocabulary), tokens.narrow(1, 1, width - 1)], 1);
        return _layers.Forward(before, tokens.narrow(1, 0, 1).expand(-1, width), arange(width, ScalarType.Int64, tokens.device).clamp_max(Language.Length - 1).expand(tokens.shape[0], -1));
    }

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new ClaimNetwork(this);

    private sealed class Layers : nn.Module
    {
        private const int TokenWidth = 24, PositionWidth = 8, Hidden = 48;
        private readonly Parameter _token, _prompt, _position, _hidden, _hiddenBias, _outBias;

        internal Layers(Draws draws, Device device, ScalarType dtype)
            : base(nameof(Layers))
        {
            using var scope = NewDisposeScope();
            // Embeddings begin standard normal, layers uniform within one over the root of their inputs, as usual.
            var inputs = (2 * TokenWidth) + PositionWidth;
            _token = Add("token", null, Language.Vocabulary + 1, TokenWidth);
            _prompt = Add("prompt", null, Language.Prompts, TokenWidth);
            _position = Add("position", null, Language.Length, PositionWidth);
            _hidden = Add("hidden", inputs, Hidden, inputs);
            _hiddenBias = Add("hidden_bias", inputs, Hidden);
            Out = Add("out", Hidden, Language.Vocabulary, Hidden);
            _outBias = Add("out_bias", Hidden, Language.Vocabulary);
            scope.Detach(parameters());

            Parameter Add(string name, int? fanIn, params long[] shape)
            {
                var own = draws.Key(name);
                double[] values = [.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(i =>
                    fanIn is { } count ? ((2 * own.Key(i).Uniform()) - 1) / Math.Sqrt(count) : own.Key(i).Normal())];
                var parameter = new Parameter(tensor(values, shape, device: device).to_type(dtype));
                register_parameter(name, parameter);
                return parameter;
            }
        }

        internal Parameter Out { get; }

        internal Tensor Forward(Tensor before, Tensor prompt, Tensor position)
        {
            var inputs = cat([Kernels.Embed(before, _token), Kernels.Embed(prompt, _prompt), Kernels.Embed(position, _position)], -1);
            return nn.functional.linear(nn.functional.linear(inputs, _hidden, _hiddenBias).tanh(), Out, _outBias);
        }
    }
}

/// <summary>Options of <c>likelihood-overopt-network</c>.</summary>
public sealed record ClaimNetworkOptions
{
    /// <summary>Text to tokens; numbers below 32.</summary>
    public required Part<ITokenizer> Tokenizer { get; init; }
}
