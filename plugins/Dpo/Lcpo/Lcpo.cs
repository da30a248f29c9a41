using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Lcpo;

/// <summary>LCPO: whether a label is right is a latent variable; the loss of each order is weighted by its probability, and the reliability of each annotator is learnt.</summary>
/// <remarks>
/// Expectation-maximisation around a pair loss. Differs from the wrapped loss in nothing else: at a reliability of 1 it is that loss.
/// Inputs: policy and mask of both sides, reference where the base reads one, reliability [B]. Outputs: loss; losses, weights, probabilities,
/// chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// </remarks>
[Algorithm("lcpo", Loop.OfflinePairs, Paper = "2509.24159", Title = "Latent Collective Preference Optimization: A General Framework for Robust LLM Alignment")]
[Default("learning_rate", 1e-6)]
[Default("schedule", "cosine")]
public sealed class Lcpo(LcpoOptions options) : PairObjective, IStatefulObjective
{
    // More would flood the metrics.
    private const int MostAnnotatorsTold = 16;
    private Reliability _state = null!;

    private double Beta => options.Beta ?? (options.Base == BaseLoss.Simpo ? 2.0 : 0.1);

    private bool ReadsReference => options.Base is BaseLoss.Dpo or BaseLoss.Ipo;

    /// <inheritdoc/>
    public override Needs Needs => ReadsReference ? Needs.Reference : Needs.None;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("annotator_ids") { Integer = true, Optional = true }];

    /// <summary>losses = w L(w,l) + (1 - w) L(l,w), w the probability that the label is right, a constant.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (observed, swapped, chosen, rejected) = BothOrders(batch);
        var expectation = EStep(observed.detach(), swapped.detach(), batch["reliability"]);
        var weights = expectation.Tensor("weights");
        var losses = (weights * observed) + ((1 - weights) * swapped);
        var loss = PairLosses.WithMetrics(losses.mean(), losses, chosen, rejected);
        (loss["weights"], loss["probabilities"], loss["reliability"]) = (weights, expectation["probabilities"], batch["reliability"].detach());
        if (batch.Find("annotator_reliability") is { } each && each.shape[0] is > 1 and <= MostAnnotatorsTold)
        {
            for (var annotator = 0; annotator < each.shape[0]; annotator++)
            {
                loss[$"reliability_{annotator}"] = each[annotator];
            }
        }

        return loss;
    }

    /// <summary>L(w,l) and L(l,w), and the rewards of both sides.</summary>
    private (Tensor Observed, Tensor Swapped, Tensor Chosen, Tensor Rejected) BothOrders(PairBatch batch)
    {
        var (chosen, rejected) = ReadsReference ? PairLogRatios.Of(batch) : options.Base == BaseLoss.Simpo ? Means(batch) : Sums(batch);
        var h = Beta * (chosen - rejected);
        var (observed, swapped) = options.Base switch
        {
            BaseLoss.Ipo => (PairLosses.Squared(chosen - rejected, 1 / (2 * Beta)), PairLosses.Squared(rejected - chosen, 1 / (2 * Beta))),
            BaseLoss.Simpo => (PairLosses.Logistic(h - options.Gamma), PairLosses.Logistic(-h - options.Gamma)),
            _ => (PairLosses.Logistic(h), PairLosses.Logistic(-h)),
        };
        if (options.Base == BaseLoss.Cpo)
        {
            // The likelihood is the winner's, whichever side that is.
            var (better, worse) = Means(batch);
            (observed, swapped) = (observed - (options.NllWeight * better), swapped - (options.NllWeight * worse));
        }

        return (observed, swapped, Beta * chosen, Beta * rejected);
    }

    private static (Tensor Chosen, Tensor Rejected) Sums(PairBatch batch)
    {
        batch.RequireShapes(reference: false);
        return (Masked.RowSum(batch.PolicyChosenLogps, batch.ChosenMask), Masked.RowSum(batch.PolicyRejectedLogps, batch.RejectedMask));
    }

    private static (Tensor Chosen, Tensor Rejected) Means(PairBatch batch)
    {
        batch.RequireShapes(reference: false);
        Masked.RequireTokensInEveryRow(batch.ChosenMask, "chosen_mask");
        Masked.RequireTokensInEveryRow(batch.RejectedMask, "rejected_mask");
        return (Masked.RowMean(batch.PolicyChosenLogps, batch.ChosenMask), Masked.RowMean(batch.PolicyRejectedLogps, batch.RejectedMask));
    }

    /// <summary>probabilities [B] p = σ(L(l,w) - L(w,l)) that the observed order is the true one; weights [B] = pη / (pη + (1-p)(1-η)).</summary>
    /// <param name="lossObserved">[B] L(w,l).</param>
    /// <param name="lossSwapped">[B] L(l,w).</param>
    /// <param name="reliability">[B] η of each label's annotator, in (0,1).</param>
    [Target("lcpo/e_step")]
    public static Outputs EStep(Tensor lossObserved, Tensor lossSwapped, Tensor reliability)
    {
        RequireReliability(reliability);
        new Batch().With("loss_observed", lossObserved).With("loss_swapped", lossSwapped).With("reliability", reliability)
            .RequireSameShape("loss_observed", "loss_swapped", "reliability");
        var logit = lossSwapped - lossObserved;
        // The odds of two independent witnesses multiply.
        return new Outputs { ["probabilities"] = logit.sigmoid(), ["weights"] = (logit + (reliability / (1 - reliability)).log()).sigmoid() };
    }

    /// <summary>η_k moved towards the mean weight of annotator k's labels, then clamped: reliability [K]. Who has no label in the batch keeps his.</summary>
    /// <param name="weights">[B].</param>
    /// <param name="annotatorIds">[B] int, from 0 to K-1.</param>
    /// <param name="reliability">[K].</param>
    /// <param name="options"><c>momentum</c>, <c>clamp</c> are read.</param>
    /// <exception cref="InvalidInputException">An id is out of range, or shapes differ.</exception>
    [Target("lcpo/m_step")]
    public static Outputs MStep(Tensor weights, Tensor annotatorIds, Tensor reliability, LcpoOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        RequireReliability(reliability);
        new Batch().With("weights", weights).With("annotator_ids", annotatorIds).RequireSameShape("weights", "annotator_ids");
        RequireAnnotators(annotatorIds, (int)reliability.shape[0]);
        var labels = Masked.Indicator(arange(reliability.shape[0], dtype: annotatorIds.dtype, device: annotatorIds.device).unsqueeze(1).eq(annotatorIds.unsqueeze(0)), weights);
        var moved = ((1 - options.Momentum) * reliability) + (options.Momentum * Masked.RowMean(weights.unsqueeze(0), labels));
        return new Outputs { ["reliability"] = where(labels.sum(1).gt(0), moved.clamp(options.Clamp, 1 - options.Clamp), reliability) };
    }

    /// <inheritdoc/>
    public nn.Module Begin(ICausalModel? policy, Draws draws) => _state = Reliability.Of(
        full([options.Annotators], options.InitialReliability, dtype: ScalarType.Float64, device: policy?.Network.parameters().First().device));

    /// <inheritdoc/>
    public void Prepare(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var like = batch["policy_chosen_logps"];
        var annotators = Annotators(batch);
        RequireAnnotators(annotators, options.Annotators);
        batch.With("reliability", _state.Values.index_select(0, annotators).to_type(like.dtype)).With("annotator_reliability", _state.Values.clone());
    }

    /// <inheritdoc/>
    public void Finish(Batch batch, Loss loss)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(loss);
        _state.Values.copy_(MStep(loss.Tensor("weights").to_type(ScalarType.Float64), Annotators(batch), _state.Values, options).Tensor("reliability"));
    }

    private static Tensor Annotators(Batch batch) => batch.Find("annotator_ids")
        ?? zeros([batch["policy_chosen_logps"].shape[0]], dtype: ScalarType.Int64, device: batch["policy_chosen_logps"].device);

    private static void RequireReliability(Tensor reliability)
    {
        ArgumentNullException.ThrowIfNull(reliability);
        if (!(reliability.min().ToDouble() > 0) || !(reliability.max().ToDouble() < 1))
        {
            throw new InvalidInputException("the 'reliability' must be in (0, 1): at 0 or 1 it would stop learning");
        }
    }

    private static void RequireAnnotators(Tensor ids, int annotators)
    {
        if (ids.min().ToDouble() < 0 || ids.max().ToDouble() >= annotators)
        {
            throw new InvalidInputException($"an id in 'annotator_ids' is outside 0 to {annotators - 1}; there are {annotators} annotators (option annotators)");
        }
    }

    /// <summary>η of each annotator, [K] float64.</summary>
    private sealed class Reliability : nn.Module
    {
        internal static Reliability Of(Tensor values) => new(values);

        private Reliability(Tensor values)
            : base(nameof(Reliability))
        {
            register_buffer("reliability", values);
            Values = values;
        }

        internal Tensor Values { get; }
    }
}
