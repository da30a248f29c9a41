using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Rso;

/// <summary>RSO: a pair loss on answers that rejection sampling made look as if the optimal policy had given them.</summary>
/// <remarks>
/// Inputs: policy and mask of both sides, for a loss <c>*_norm</c> the reference too. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; accuracy, margin [].
/// The pairs come from the transform <c>rso</c> or from the data.
/// </remarks>
[Algorithm("rso", Loop.OfflinePairs, Paper = "2309.06657", Title = "Statistical Rejection Sampling Improves Preference Optimization")]
[Default("learning_rate", 1e-5)]
public sealed class Rso(RsoOptions options) : PairObjective
{
    private bool Normalized => options.Loss is RsoLoss.SigmoidNorm or RsoLoss.HingeNorm;

    /// <inheritdoc/>
    public override Needs Needs => Normalized ? Needs.Reference : Needs.None;

    /// <summary>Equations (8) to (10): z = γ (S_chosen - S_rejected), S = Σ_t log π, with <c>norm</c> Σ_t log π/π_sft; loss = -log σ(z) or max(0, δ - z).</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: Normalized);
        var chosen = options.Gamma * Score(batch.PolicyChosenLogps, batch.Find("reference_chosen_logps"), batch.ChosenMask);
        var rejected = options.Gamma * Score(batch.PolicyRejectedLogps, batch.Find("reference_rejected_logps"), batch.RejectedMask);
        var z = chosen - rejected;
        var losses = options.Loss is RsoLoss.Hinge or RsoLoss.HingeNorm ? PairLosses.Hinge(z, options.Margin) : PairLosses.Logistic(z);
        return PairLosses.WithMetrics(losses.mean(), losses, chosen, rejected);
    }

    private Tensor Score(Tensor policy, Tensor? reference, Tensor mask) => Masked.RowSum(Normalized ? policy - reference!.detach() : policy, mask);

    /// <summary>Algorithm 1: candidates of the SFT policy, accepted with probability exp((r - r_max)/β), are samples of π_sft exp(r/β).</summary>
    /// <remarks>In rounds over what is left of a prompt's candidates, in their order; r_max is that of the round. The best one left is always accepted, so there are at most num_samples rounds.</remarks>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int; candidates of one prompt share an id. Prompts are ordered by ascending id.</param>
    /// <param name="uniforms">[R,N] in [0,1), a row a round.</param>
    /// <param name="options">How many, and how strictly.</param>
    /// <returns>accepted [G,num_samples] int64, places among the N in order of acceptance; rounds [G] int64, begun.</returns>
    [Target("rso/rejection_sample")]
    public static Outputs RejectionSample(Tensor rewards, Tensor groupIds, Tensor uniforms, RejectionSamplingOptions options)
    {
        ArgumentNullException.ThrowIfNull(uniforms);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("rewards", rewards).With("group_ids", groupIds).With("uniforms", uniforms.select(0, 0)).RequireSameShape("rewards", "group_ids", "uniforms");
        var (r, ids, u) = (Values(rewards), groupIds.to_type(ScalarType.Int64).cpu().data<long>().ToArray(), Values(uniforms));
        var (accepted, rounds) = (new List<long>(), new List<long>());
        foreach (var group in Enumerable.Range(0, r.Length).GroupBy(i => ids[i]).OrderBy(group => group.Key))
        {
            var left = group.ToList();
            if (left.Count < options.NumSamples)
            {
                throw new InvalidInputException($"num_samples is {options.NumSamples}, and the group {group.Key} has {left.Count} candidates; sample more a prompt or accept fewer");
            }

            var (got, round) = (new List<int>(), 0);
            for (; got.Count < options.NumSamples; round++)
            {
                if (round == uniforms.shape[0])
                {
                    throw new InvalidInputException($"'uniforms' has {round} rounds of draws, and the group {group.Key} has accepted {got.Count} of {options.NumSamples} by then; give it a row for each sample");
                }

                var top = left.Max(i => r[i]);
                got.AddRange(left.Where(i => u[(round * r.Length) + i] < Math.Exp((r[i] - top) / options.Beta)).Take(options.NumSamples - got.Count));
                left.RemoveAll(got.Contains);
            }

            accepted.AddRange(got.Select(i => (long)i));
            rounds.Add(round);
        }

        return new Outputs { ["accepted"] = tensor(accepted.ToArray(), [rounds.Count, options.NumSamples]), ["rounds"] = tensor(rounds.ToArray()) };
    }

    /// <summary>Accepted answers to pairs: chosen_index, rejected_index [P] int64. A pair of equals goes to the first of the two.</summary>
    /// <param name="preference">[K,K] probability that the row's answer beats the column's.</param>
    /// <param name="order">[K] int, a permutation: who meets whom.</param>
    /// <param name="options">First round or tournament.</param>
    [Target("rso/rank_pairs")]
    public static Outputs RankPairs(Tensor preference, Tensor order, RankPairsOptions options)
    {
        ArgumentNullException.ThrowIfNull(order);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("preference", preference).With("other", preference.transpose(0, 1)).With("order", order).RequireSameShape("preference", "other");
        new Batch().With("preference", preference.select(0, 0)).With("order", order).RequireSameShape("preference", "order");
        var (p, k) = (Values(preference), order.shape[0]);
        var (going, chosen, rejected) = (order.to_type(ScalarType.Int64).cpu().data<long>().ToArray(), new List<long>(), new List<long>());
        do
        {
            going = [.. going.Chunk(2).Select(Meet)];
        }
        while (options.Ranking == Ranking.Tournament && going.Length > 1);

        return new Outputs { ["chosen_index"] = tensor(chosen.ToArray()), ["rejected_index"] = tensor(rejected.ToArray()) };

        long Meet(long[] pair)
        {
            if (pair is not [var a, var b])
            {
                return pair[0];
            }

            var (winner, loser) = p[(a * k) + b] >= 0.5 ? (a, b) : (b, a);
            chosen.Add(winner);
            rejected.Add(loser);
            return winner;
        }
    }

    /// <summary>r = logit P(y beats a baseline answer): rewards [N].</summary>
    /// <param name="winProbabilities">[N] in [0,1].</param>
    /// <param name="options">How near to 0 and 1 a probability may be.</param>
    [Target("rso/pointwise_reward")]
    public static Outputs PointwiseReward(Tensor winProbabilities, PointwiseRewardOptions options)
    {
        ArgumentNullException.ThrowIfNull(winProbabilities);
        ArgumentNullException.ThrowIfNull(options);
        if (Values(winProbabilities).Any(p => p is not (>= 0 and <= 1)))
        {
            throw new InvalidInputException("'win_probabilities' must lie in [0, 1]");
        }

        var p = winProbabilities.clamp(options.Clip, 1 - options.Clip);
        return new Outputs { ["rewards"] = p.log() - (-p).log1p() };
    }

    private static double[] Values(Tensor tensor) => tensor.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
}
