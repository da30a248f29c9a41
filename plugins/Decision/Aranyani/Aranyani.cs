using Plumbline.Training;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Aranyani;

/// <summary>Aranyani: group-fair learning from a stream with a forest of soft oblique trees. At every node the mean decisions of two protected groups are held alike, by running means of decisions and of their gradients; no instance is stored.</summary>
/// <remarks>
/// Inputs: features [B,D]; weight [K,D,M], bias [K,M], theta [K,L,C]; targets [B] int64; groups [B] int64 for the fairness gradient. Outputs: loss; predictions [B,C];
/// node_decisions [K,B,M]. What a forest remembers comes in as counts [2], mean_decisions [K,2,M], mean_weight_gradients [K,2,D,M], mean_bias_gradients [K,2,M].
/// </remarks>
[Algorithm("aranyani", Loop.Stream, Paper = "2310.11401", Title = "Enhancing Group Fairness in Online Settings Using Oblique Decision Forests")]
[Default("optimizer", "adam")]
[Default("learning_rate", 2e-3)]
public sealed class Aranyani(AranyaniOptions options) : StreamObjective, IStatefulObjective, IGradientObjective
{
    private const int GroupCount = 2;
    private static readonly string[] Kept = ["counts", "mean_decisions", "mean_weight_gradients", "mean_bias_gradients"];
    private Memory? _memory;
    private Aggregates? _seen;

    /// <inheritdoc/>
    public override bool ReadsOutputs => false;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["lambda"] = options.Lambda };

    /// <summary>-log of the forest's probability of the right class, the mean over the instances.</summary>
    public override Loss Compute(StreamBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (decisions, _, predictions) = ObliqueTrees.Forward(batch.Features, batch["weight"], batch["bias"], batch["theta"]);
        return new Loss(ObliqueTrees.Loss(predictions, batch.Targets)) { ["predictions"] = predictions.detach(), ["node_decisions"] = decisions.detach() };
    }

    /// <summary>The fairness gradient of every tree, the instances in hand counted.</summary>
    public IReadOnlyDictionary<string, Tensor> Gradients(Batch batch, Loss loss)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(loss);
        if (batch.Find("groups") is not { } groups)
        {
            throw new InvalidInputException("the batch has no 'groups': fairness is between two protected groups, 0 and 1, so the data needs a column 'group'");
        }

        var seen = new Aggregates(batch["counts"], batch["mean_decisions"], batch["mean_weight_gradients"], batch["mean_bias_gradients"]);
        var (features, decisions) = (batch["features"], loss.Tensor("node_decisions"));
        for (var row = 0; row < features.shape[0]; row++)
        {
            var group = groups[row].ToInt64();
            GroupParity.Require(group);
            seen = seen.With(features[row], group, decisions.select(1, row));
        }

        _seen = seen;
        var (weight, bias) = FairnessGradients(seen, options with { Lambda = batch.Number("lambda") ?? options.Lambda });
        return new Dictionary<string, Tensor> { ["weight"] = weight, ["bias"] = bias };
    }

    /// <inheritdoc/>
    public nn.Module Begin(ICausalModel? policy, Draws draws) => _memory = Memory.Empty();

    /// <inheritdoc/>
    public void Prepare(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        Tensor[] held = _memory!.Held(batch["weight"]);
        for (var i = 0; i < held.Length; i++)
        {
            batch.With(Kept[i], held[i]);
        }
    }

    /// <inheritdoc/>
    public void Finish(Batch batch, Loss loss)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var seen = _seen ?? throw new InvalidOperationException("there is nothing to keep: the gradients of this batch were not asked for");
        Tensor[] values = [seen.Counts, seen.Decisions, seen.WeightGradients, seen.BiasGradients];
        for (var i = 0; i < values.Length; i++)
        {
            batch[Kept[i]].copy_(values[i]);
        }

        _seen = null;
    }

    /// <summary>One tree: node_decisions [B,M], leaf_probabilities [B,L], predictions [B,C]; loss [] where there are targets.</summary>
    /// <param name="features">[B,D].</param>
    /// <param name="weight">[D,M].</param>
    /// <param name="bias">[M].</param>
    /// <param name="theta">[L,C].</param>
    /// <param name="targets">[B] int64; null: no loss.</param>
    [Target("aranyani/tree")]
    public static Outputs Tree(Tensor features, Tensor weight, Tensor bias, Tensor theta, Tensor? targets = null)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(bias);
        ArgumentNullException.ThrowIfNull(theta);
        var (decisions, leaves, predictions) = ObliqueTrees.Forward(features, weight.unsqueeze(0), bias.unsqueeze(0), theta.unsqueeze(0));
        var outputs = new Outputs { ["node_decisions"] = decisions.squeeze(0), ["leaf_probabilities"] = leaves.squeeze(0), ["predictions"] = predictions };
        if (targets is not null)
        {
            outputs["loss"] = ObliqueTrees.Loss(predictions, targets);
        }

        return outputs;
    }

    /// <summary>λ s(F) (ḡ₁ - ḡ₀) at each node, F = n̄₁ - n̄₀: gap [M]; gradient as mean_gradients[0].</summary>
    /// <param name="meanDecisions">[2,M] n̄ of each group.</param>
    /// <param name="meanGradients">[2,D,M] or [2,M] ḡ of each group.</param>
    /// <param name="options">λ and the penalty's shape.</param>
    [Target("aranyani/fairness_gradient")]
    public static Outputs FairnessGradient(Tensor meanDecisions, Tensor meanGradients, AranyaniOptions options)
    {
        ArgumentNullException.ThrowIfNull(meanDecisions);
        ArgumentNullException.ThrowIfNull(meanGradients);
        ArgumentNullException.ThrowIfNull(options);
        if (meanDecisions.shape is not [GroupCount, var nodes] || meanGradients.dim() is not (2 or 3) || meanGradients.shape[0] != GroupCount || meanGradients.shape[^1] != nodes)
        {
            throw new InvalidInputException(
                $"the shape of 'mean_decisions' is [{string.Join(',', meanDecisions.shape)}] and that of 'mean_gradients' is [{string.Join(',', meanGradients.shape)}]; they must be [2,M], and [2,D,M] or [2,M]");
        }

        var gap = meanDecisions[1] - meanDecisions[0];
        return new Outputs { ["gap"] = gap, ["gradient"] = options.Lambda * Slope(gap, options) * (meanGradients[1] - meanGradients[0]) };
    }

    /// <summary>The values of each group as one, in the order in which they came: aggregates [2,...], counts [2].</summary>
    /// <param name="values">[T,...].</param>
    /// <param name="groups">[T] 0 or 1.</param>
    /// <param name="options">How they become one.</param>
    [Target("aranyani/aggregate")]
    public static Outputs Aggregate(Tensor values, Tensor groups, AggregateOptions options)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(options);
        RequireGroups(groups, values.dim() == 0 ? 0 : values.shape[0]);
        long[] ids = [.. groups.to_type(ScalarType.Int64).cpu().data<long>()];
        var counts = new long[GroupCount];
        var aggregates = new Tensor[GroupCount];
        Array.Fill(aggregates, zeros(values.shape[1..], values.dtype, values.device));
        for (var t = 0; t < ids.Length; t++)
        {
            var (group, value) = (ids[t], values[t]);
            counts[group]++;
            aggregates[group] = options.Mode == AggregateMode.Vanilla ? aggregates[group] + ((value - aggregates[group]) / counts[group]) : (aggregates[group] * options.Decay) + value;
        }

        if (options.Mode == AggregateMode.Ema)
        {
            aggregates = [.. aggregates.Select((sum, group) => counts[group] == 0 ? sum : sum * ((1 - options.Decay) / (1 - Math.Pow(options.Decay, counts[group]))))];
        }

        return new Outputs { ["aggregates"] = stack(aggregates), ["counts"] = tensor(counts) };
    }

    /// <summary>One instance and one tree: task_loss []; weight_gradient [D,M], bias_gradient [M], theta_gradient [L,C]; counts [2], mean_decisions [2,M], mean_weight_gradients [2,D,M], mean_bias_gradients [2,M] after it.</summary>
    /// <param name="features">[D].</param>
    /// <param name="target">The right class.</param>
    /// <param name="group">The protected group, 0 or 1.</param>
    /// <param name="weight">[D,M].</param>
    /// <param name="bias">[M].</param>
    /// <param name="theta">[L,C].</param>
    /// <param name="counts">[2] int64 instances of each group before.</param>
    /// <param name="meanDecisions">[2,M] before.</param>
    /// <param name="meanWeightGradients">[2,D,M] before.</param>
    /// <param name="meanBiasGradients">[2,M] before.</param>
    /// <param name="options">λ and the penalty's shape.</param>
    [Target("aranyani/online_step")]
    public static Outputs OnlineStep(
        Tensor features, int target, int group, Tensor weight, Tensor bias, Tensor theta, Tensor counts, Tensor meanDecisions, Tensor meanWeightGradients, Tensor meanBiasGradients, AranyaniOptions options)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(counts);
        ArgumentNullException.ThrowIfNull(meanDecisions);
        ArgumentNullException.ThrowIfNull(meanWeightGradients);
        ArgumentNullException.ThrowIfNull(meanBiasGradients);
        RequireGroups(tensor(new[] { (long)group }), 1);
        Tensor[] parameters = [.. new[] { weight, bias, theta }.Select(parameter => parameter.detach().unsqueeze(0).requires_grad_())];
        var (decisions, _, predictions) = ObliqueTrees.Forward(features.unsqueeze(0), parameters[0], parameters[1], parameters[2]);
        var loss = ObliqueTrees.Loss(predictions, tensor(new[] { (long)target }, device: features.device));
        var gradients = autograd.grad([loss], parameters);
        var before = new Aggregates(counts, meanDecisions.unsqueeze(0), meanWeightGradients.unsqueeze(0), meanBiasGradients.unsqueeze(0));
        var after = before.With(features, group, decisions.detach().squeeze(1));
        var (fairWeight, fairBias) = FairnessGradients(after, options);
        return new Outputs
        {
            ["task_loss"] = loss.detach(),
            ["weight_gradient"] = (gradients[0]! + fairWeight).squeeze(0),
            ["bias_gradient"] = (gradients[1]! + fairBias).squeeze(0),
            ["theta_gradient"] = gradients[2]!.squeeze(0),
            ["counts"] = after.Counts,
            ["mean_decisions"] = after.Decisions.squeeze(0),
            ["mean_weight_gradients"] = after.WeightGradients.squeeze(0),
            ["mean_bias_gradients"] = after.BiasGradients.squeeze(0),
        };
    }

    /// <summary>P(prediction = 1 | group 1) - P(prediction = 1 | group 0): gap, its size, and signed; 0 where a group is absent.</summary>
    /// <param name="predictions">[N] classes.</param>
    /// <param name="groups">[N] 0 or 1.</param>
    [Target("aranyani/demographic_parity")]
    public static Outputs DemographicParity(Tensor predictions, Tensor groups)
    {
        ArgumentNullException.ThrowIfNull(predictions);
        ArgumentNullException.ThrowIfNull(groups);
        var signed = GroupParity.Signed(Numbers(predictions), Numbers(groups));
        return new Outputs { ["gap"] = Math.Abs(signed), ["signed"] = signed };

        static long[] Numbers(Tensor of) => of.to_type(ScalarType.Int64).cpu().contiguous().data<long>().ToArray();
    }

    /// <summary>The fairness gradients of every tree's weight [K,D,M] and bias [K,M]; zero until both groups have been seen.</summary>
    internal static (Tensor Weight, Tensor Bias) FairnessGradients(Aggregates seen, AranyaniOptions options)
    {
        var both = seen.Counts.min().gt(0).to_type(seen.Decisions.dtype);
        var slope = options.Lambda * both * Slope(Difference(seen.Decisions), options);
        return (slope.unsqueeze(1) * Difference(seen.WeightGradients), slope * Difference(seen.BiasGradients));

        static Tensor Difference(Tensor means) => means.select(1, 1) - means.select(1, 0);
    }

    /// <summary>s(F): F within huber_delta, beyond it its sign, times huber_delta for the exact Huber loss.</summary>
    private static Tensor Slope(Tensor gap, AranyaniOptions options) =>
        where(gap.abs().lt(options.HuberDelta), gap, gap.sign() * (options.Tail == HuberTail.Delta ? options.HuberDelta : 1));

    private static void RequireGroups(Tensor groups, long rows)
    {
        if (groups.shape is not [var count] || count != rows)
        {
            throw new InvalidInputException($"the shape of 'groups' is [{string.Join(',', groups.shape)}], and there are {rows} rows");
        }

        if (groups.eq(0).logical_or(groups.eq(1)).all().ToBoolean() is false)
        {
            throw new InvalidInputException("the 'groups' must be 0 or 1");
        }
    }

    /// <summary>What is kept from instance to instance, as buffers: 2 (M + D M + M) numbers a tree, and two counts.</summary>
    private sealed class Memory : nn.Module
    {
        private Tensor[]? _held;

        private Memory()
            : base(nameof(Memory))
        {
        }

        internal static Memory Empty() => new();

        /// <summary>The buffers; zeros before the first instance, when the forest's size is first known.</summary>
        internal Tensor[] Held(Tensor weight)
        {
            if (_held is null)
            {
                var (trees, inputs, nodes) = (weight.shape[0], weight.shape[1], weight.shape[2]);
                _held =
                [
                    zeros([GroupCount], ScalarType.Int64, weight.device),
                    zeros([trees, GroupCount, nodes], weight.dtype, weight.device),
                    zeros([trees, GroupCount, inputs, nodes], weight.dtype, weight.device),
                    zeros([trees, GroupCount, nodes], weight.dtype, weight.device),
                ];
                for (var i = 0; i < _held.Length; i++)
                {
                    register_buffer(Kept[i], _held[i].DetachFromDisposeScope());
                }
            }

            return _held;
        }
    }
}
