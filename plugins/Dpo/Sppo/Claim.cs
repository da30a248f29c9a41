using System.Globalization;
using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Sppo;

/// <summary>Belongs to the claim of sppo: 16 prompts, each with four pairs of an answer and one much like it.</summary>
[Data("sppo-neighbours")]
public sealed class NeighbourPairs : IData
{
    internal const int Prompts = 16;
    internal const int Pairs = 4;

    /// <inheritdoc/>
    public DataSet Load(RunContext run) => new(
        [.. Enumerable.Range(0, Prompts * Pairs).Select(i => new Example(i, new JsonObject
        {
            ["prompt"] = $"{i / Pairs}",
            ["chosen"] = $"{2 * (i % Pairs)}",
            ["rejected"] = $"{(2 * (i % Pairs)) + 1}",
        }))],
        []);
}

/// <summary>Belongs to the claim of sppo: a log-linear policy over 64 answers of which each odd one has the features of the even one before it, and some noise.</summary>
[Model("sppo-neighbours")]
public sealed class NeighbourModel : LogLinearModel
{
    private const int Answers = 64;
    private const int Dimensions = 16;

    /// <summary>Draws features and first weights, one set of weights for each prompt.</summary>
    public NeighbourModel(RunContext run)
        : base(new Places(), Phi(run), Start(run))
    {
    }

    private static Tensor Phi(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var (draws, phi) = (run.Draws.Key("features"), new double[Answers * Dimensions]);
        for (var i = 0; i < Answers; i++)
        {
            for (var k = 0; k < Dimensions; k++)
            {
                var own = 2 / Math.Sqrt(Dimensions) * draws.Key(i).Key(k).Normal();
                phi[(i * Dimensions) + k] = i % 2 == 0 ? own : phi[((i - 1) * Dimensions) + k] + (0.6 * own);
            }
        }

        return tensor(phi, [1, Answers, Dimensions], device: run.Device).to_type(run.Dtype).expand(NeighbourPairs.Prompts, -1, -1);
    }

    private static Tensor Start(RunContext run)
    {
        var draws = run.Draws.Key("weights");
        return tensor(Enumerable.Range(0, NeighbourPairs.Prompts * Dimensions).Select(i => 0.5 * draws.Key(i).Normal()).ToArray(), [NeighbourPairs.Prompts, Dimensions], device: run.Device)
            .to_type(run.Dtype);
    }

    private sealed class Places : ITokenizer
    {
        public int VocabularySize => Answers;

        public int? EosId => null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [int.Parse(text, CultureInfo.InvariantCulture)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
    }
}

/// <summary>Belongs to the claim of sppo: the shares of pairs whose chosen answer is likelier, and whose rejected answer is less likely, than under the reference.</summary>
[Evaluation("sppo-neighbours")]
public sealed class NeighbourLikelihood : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var still = no_grad();
        var reference = stage.Run.Models.Roles.Contains("reference") ? stage.Run.Models.Get<ICausalModel>("reference") : stage.Policy;
        var moved = Logps(stage.Policy) - Logps(reference);
        return new Dictionary<string, double>
        {
            ["chosen_rises"] = moved.select(1, 0).gt(0).to_type(ScalarType.Float64).mean().ToDouble(),
            ["rejected_falls"] = moved.select(1, 1).lt(0).to_type(ScalarType.Float64).mean().ToDouble(),
        };

        // [pairs,2]: chosen and rejected.
        static Tensor Logps(ICausalModel model) => model.Hidden(arange(NeighbourPairs.Prompts).unsqueeze(1)).select(1, 0).log_softmax(-1)
            .narrow(1, 0, 2 * NeighbourPairs.Pairs).reshape(-1, 2);
    }
}
