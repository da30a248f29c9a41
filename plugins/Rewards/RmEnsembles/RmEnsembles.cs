using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RmEnsembles;

/// <summary>Reward model ensembles: members that differ in first weights and order of data, combined conservatively so that a policy can't feed on one member's errors.</summary>
/// <remarks>The stage trains the members on pairs; the reward <c>rm-ensembles</c> joins their scores in the stages after.</remarks>
[Algorithm("rm-ensembles", Loop.RewardTraining, Paper = "2310.02743", Title = "Reward Model Ensembles Help Mitigate Overoptimization")]
[Default("members", 5)]
public sealed class RmEnsembles : PreferenceModelObjective
{
    /// <summary>-log σ(chosen - rejected), the mean over the pairs.</summary>
    public override Loss Compute(PreferenceModelBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return RankingLoss(batch.ChosenScores, batch.RejectedScores);
    }

    /// <summary>The loss of one member: loss, accuracy [].</summary>
    /// <param name="chosenScores">[B].</param>
    /// <param name="rejectedScores">[B].</param>
    [Target("rm-ensembles/ranking_loss")]
    public static Loss RankingLoss(Tensor chosenScores, Tensor rejectedScores)
    {
        new Batch().With("chosen_scores", chosenScores).With("rejected_scores", rejectedScores).RequireSameShape("chosen_scores", "rejected_scores");
        return new Loss(PairLosses.Logistic(chosenScores - rejectedScores).mean()) { ["accuracy"] = PairLosses.Accuracy(chosenScores.detach(), rejectedScores.detach()) };
    }

    /// <summary>Mean, minimum (WCO), or mean less coef times variance (UWO) of the members: rewards, variance [N]; constants.</summary>
    /// <param name="memberScores">[N,K], each member normalised.</param>
    /// <param name="options">Which of the three.</param>
    [Target("rm-ensembles")]
    public static Outputs Combine(Tensor memberScores, RmEnsemblesOptions options)
    {
        ArgumentNullException.ThrowIfNull(memberScores);
        ArgumentNullException.ThrowIfNull(options);
        if (memberScores.dim() != 2)
        {
            throw new InvalidInputException($"the shape of 'member_scores' is [{string.Join(',', memberScores.shape)}]; it must be [N,K], a column for each member");
        }

        var scores = memberScores.detach();
        var (members, mean) = (scores.shape[1], scores.mean([1]));
        var squares = (scores - mean.unsqueeze(1)).square().sum(1);
        var variance = squares / (options.Variance == VarianceKind.Population ? members : Math.Max(members - 1, 1));
        return new Outputs
        {
            ["rewards"] = options.Objective switch
            {
                EnsembleObjective.Mean => mean,
                EnsembleObjective.Wco => scores.amin([1]),
                _ => mean - (options.Coef * variance),
            },
            ["variance"] = variance,
        };
    }

    /// <summary>Each group's candidate with the highest reward, the first on ties: indices [G], groups in order of first appearance.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int; candidates of one prompt share an id.</param>
    [Target("rm-ensembles/best_of_n")]
    public static Outputs BestOfN(Tensor rewards, Tensor groupIds)
    {
        new Batch().With("rewards", rewards).With("group_ids", groupIds).RequireSameShape("rewards", "group_ids");
        var members = new Groups(groupIds).Members;
        var best = rewards.unsqueeze(0).masked_fill(members.logical_not(), double.NegativeInfinity).argmax(1);
        // A group's first row says when it appeared.
        var appeared = members.to_type(ScalarType.Int32).argmax(1);
        return new Outputs { ["indices"] = best.index_select(0, appeared.argsort()) };
    }

    /// <summary>What the best of n candidates scores, estimated without bias from N: proxy, gold [], the mean over P prompts.</summary>
    /// <remarks>Sorted by proxy, rank i is the best of a random n-subset with probability C(i-1,n-1)/C(N,n).</remarks>
    /// <param name="proxyScores">[P,N] what chooses.</param>
    /// <param name="goldScores">[P,N] what the chosen one is worth.</param>
    /// <param name="n">1 to N.</param>
    [Target("rm-ensembles/bon_estimate")]
    public static Outputs BonEstimate(Tensor proxyScores, Tensor goldScores, int n)
    {
        new Batch().With("proxy_scores", proxyScores).With("gold_scores", goldScores).RequireSameShape("proxy_scores", "gold_scores");
        var candidates = (int)proxyScores.shape[^1];
        if (n < 1 || n > candidates)
        {
            throw new InvalidInputException($"n must be from 1 to {candidates}, the number of candidates, was {n}");
        }

        var (proxy, order) = proxyScores.sort(1, stable: true);
        var weights = tensor(RankWeights(candidates, n), device: proxy.device).to_type(proxy.dtype);
        return new Outputs { ["proxy"] = (proxy * weights).sum(1).mean(), ["gold"] = (goldScores.take_along_dim(order, 1) * weights).sum(1).mean() };
    }

    /// <summary>w_N = n/N and w_{i-1} = w_i (i-n)/(i-1): no binomial is ever formed, for it would overflow.</summary>
    public static double[] RankWeights(int candidates, int n)
    {
        var weights = new double[candidates];
        weights[^1] = n / (double)candidates;
        for (var rank = candidates; rank > n; rank--)
        {
            weights[rank - 2] = weights[rank - 1] * (rank - n) / (rank - 1);
        }

        return weights;
    }

    /// <summary>How far the best of n is from the policy: log n - (n-1)/n nats.</summary>
    /// <param name="n">At least 1.</param>
    /// <returns>kl, a number.</returns>
    [Target("rm-ensembles/bon_kl")]
    public static Outputs BonKl(int n) => n >= 1 ? new Outputs { ["kl"] = Math.Log(n) - ((n - 1.0) / n) } : throw new InvalidInputException($"n must be >= 1, was {n}");

    /// <summary>Wrong labels: pair i is swapped where draws_i &lt; noise_rate: flipped [B] bool; chosen_tokens, rejected_tokens.</summary>
    /// <param name="draws">[B] in [0,1).</param>
    /// <param name="chosenTokens">[B,T] int.</param>
    /// <param name="rejectedTokens">[B,T] int.</param>
    /// <param name="options">The share of wrong labels.</param>
    [Target("rm-ensembles/flip_labels")]
    public static Outputs Flip(Tensor draws, Tensor chosenTokens, Tensor rejectedTokens, LabelNoiseOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("draws", draws).With("chosen_tokens", chosenTokens).With("rejected_tokens", rejectedTokens);
        batch.RequireSameShape("chosen_tokens", "rejected_tokens");
        batch.RequireSameRows("draws", "chosen_tokens");
        var flipped = draws.lt(options.NoiseRate);
        var swap = flipped.unsqueeze(1);
        return new Outputs { ["flipped"] = flipped, ["chosen_tokens"] = where(swap, rejectedTokens, chosenTokens), ["rejected_tokens"] = where(swap, chosenTokens, rejectedTokens) };
    }
}
