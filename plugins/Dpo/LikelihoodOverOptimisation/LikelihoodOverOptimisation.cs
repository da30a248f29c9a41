using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.LikelihoodOverOptimisation;

/// <summary>The three direct alignment losses whose over-optimisation the paper studies, with an optional likelihood term; the observer of the same name watches for it.</summary>
/// <remarks>Inputs: policy, reference and mask of both sides. Outputs: loss; better_likelihood, worse_likelihood, likelihood_gap [], the means over the pairs of summed policy log-probabilities.</remarks>
[Algorithm("likelihood-overopt", Loop.OfflinePairs, Paper = "2410.11677", Title = "Understanding Likelihood Over-optimisation in Direct Alignment Algorithms")]
public sealed class LikelihoodOverOptimisation(LikelihoodOverOptimisationOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <summary>The mean over the pairs of -log σ(βD), (D - 1/(2β))² or max(0, 1 - βD), plus nll_coef times a chosen token's mean surprise.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: true);
        var better = Masked.RowSum(batch.PolicyChosenLogps, batch.ChosenMask);
        var worse = Masked.RowSum(batch.PolicyRejectedLogps, batch.RejectedMask);
        var d = better - worse - (Masked.RowSum(batch.ReferenceChosenLogps, batch.ChosenMask) - Masked.RowSum(batch.ReferenceRejectedLogps, batch.RejectedMask)).detach();
        var losses = options.LossType switch
        {
            AlignmentLoss.Ipo => (d - (1 / (2 * options.Beta))).square(),
            AlignmentLoss.Hinge => PairLosses.Hinge(options.Beta * d),
            _ => PairLosses.Logistic(options.Beta * d),
        };
        var loss = losses.mean();
        if (options.NllCoef > 0)
        {
            loss += options.NllCoef * Masked.NegativeLogLikelihood(batch.PolicyChosenLogps, batch.ChosenMask);
        }

        return new Loss(loss)
        {
            ["better_likelihood"] = better.detach().mean(),
            ["worse_likelihood"] = worse.detach().mean(),
            ["likelihood_gap"] = (better - worse).detach().mean(),
            ["accuracy"] = PairLosses.Accuracy(d.detach(), zeros_like(d)),
        };
    }

    /// <summary>Entropy over the likeliest tokens and their mass: topk_entropy, topk_mass, entropy [], means over all tokens; row_topk_entropy, row_topk_mass [B].</summary>
    /// <param name="policyLogits">[B,T,V].</param>
    /// <param name="mask">[B,T] 1 where it counts, else 0; a row without tokens gives 0.</param>
    /// <param name="options">How many tokens, and whether their probabilities are divided by their sum.</param>
    [Target("likelihood-overopt/indicators")]
    public static Outputs Indicators(Tensor policyLogits, Tensor mask, IndicatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        if (policyLogits.dim() != 3 || !policyLogits.shape.AsSpan(0, 2).SequenceEqual(mask.shape))
        {
            throw new InvalidInputException($"the shape of 'mask' is [{string.Join(',', mask.shape)}] and that of 'policy_logits' [{string.Join(',', policyLogits.shape)}]; they must be [B,T] and [B,T,V]");
        }

        if (options.TopK > policyLogits.shape[2])
        {
            throw new InvalidInputException($"top_k is {options.TopK}, and the vocabulary has {policyLogits.shape[2]} tokens");
        }

        Masked.RequireTokens(mask);
        var all = policyLogits.detach().softmax(-1);
        var top = all.topk(options.TopK).values;
        var mass = top.sum(-1);
        var entropy = Entropy(options.Renormalize ? top / mass.unsqueeze(-1) : top);
        return new Outputs
        {
            ["topk_entropy"] = Masked.Mean(entropy, mask),
            ["topk_mass"] = Masked.Mean(mass, mask),
            ["entropy"] = Masked.Mean(Entropy(all), mask),
            ["row_topk_entropy"] = Masked.RowMean(entropy, mask),
            ["row_topk_mass"] = Masked.RowMean(mass, mask),
        };

        // 0 log 0 = 0.
        static Tensor Entropy(Tensor p) => -(p * p.log().masked_fill(p.eq(0), 0)).sum(-1);
    }

    /// <summary>When to stop, from the two series of a run: entropy_drops, mass_drops [E]; alarms [E] bool; stop_index, -1 for never; keep_index, the last measurement before the alarms.</summary>
    /// <param name="topkEntropy">[E], oldest first.</param>
    /// <param name="topkMass">[E].</param>
    /// <param name="options">The rule.</param>
    [Target("likelihood-overopt/monitor")]
    public static Outputs Monitor(Tensor topkEntropy, Tensor topkMass, MonitorOptions options)
    {
        ArgumentNullException.ThrowIfNull(topkEntropy);
        ArgumentNullException.ThrowIfNull(topkMass);
        ArgumentNullException.ThrowIfNull(options);
        if (topkEntropy.numel() == 0)
        {
            throw new InvalidInputException("'topk_entropy' is empty: there is no measurement to look at");
        }

        if (topkMass.numel() != topkEntropy.numel())
        {
            throw new InvalidInputException($"'topk_mass' has {topkMass.numel()} measurements, and topk_entropy {topkEntropy.numel()}");
        }

        var (entropy, mass) = (Drops(topkEntropy, options.Window), Drops(topkMass, options.Window));
        bool[] alarms = [.. entropy.Zip(mass, (e, m) => options.Rule == AlarmRule.Any
            ? e >= options.EntropyDrop || m >= options.MassDrop
            : e >= options.EntropyDrop && m >= options.MassDrop)];
        var (inARow, stop) = (0, -1);
        for (var e = 0; e < alarms.Length && stop < 0; e++)
        {
            inARow = alarms[e] ? inARow + 1 : 0;
            stop = inARow == options.Patience ? e : -1;
        }

        return new Outputs
        {
            ["entropy_drops"] = tensor(entropy),
            ["mass_drops"] = tensor(mass),
            ["alarms"] = tensor(alarms),
            ["stop_index"] = (long)stop,
            ["keep_index"] = (long)(stop < 0 ? alarms.Length - 1 : Math.Max(stop - options.Patience, 0)),
        };
    }

    /// <summary>1 - smoothed/peak at each measurement, where the peak is the highest smoothed value so far; 0 where it is not above 0.</summary>
    private static double[] Drops(Tensor series, int window)
    {
        var values = series.detach().to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        var (drops, peak) = (new double[values.Length], double.NegativeInfinity);
        for (var e = 0; e < values.Length; e++)
        {
            var smoothed = values[Math.Max(0, e + 1 - window)..(e + 1)].Average();
            peak = Math.Max(peak, smoothed);
            drops[e] = peak > 0 ? 1 - (smoothed / peak) : 0;
        }

        return drops;
    }

    /// <summary>Distinct n-grams over all n-grams: per_input, of each group's samples together (ids ascending), per_input_mean and cross_input [], of all samples.</summary>
    /// <param name="tokens">[N,T] int64.</param>
    /// <param name="mask">[N,T]; n-grams are of the tokens where it is 1, in order.</param>
    /// <param name="groupIds">[N] int; samples of one input share an id.</param>
    /// <param name="options">How long an n-gram is.</param>
    [Target("likelihood-overopt/diversity")]
    public static Outputs Diversity(Tensor tokens, Tensor mask, Tensor groupIds, DiversityOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("tokens", tokens).With("mask", mask).With("group_ids", groupIds);
        batch.RequireSameShape("tokens", "mask");
        batch.RequireSameRows("tokens", "group_ids");
        var grams = NGrams(tokens, mask, options.N);
        var ids = groupIds.to_type(ScalarType.Int64).cpu().data<long>().ToArray();
        double[] perInput = [.. ids.Select((id, row) => (id, row)).GroupBy(pair => pair.id).OrderBy(group => group.Key)
            .Select(group => Ratio(group.SelectMany(pair => grams[pair.row])))];
        return new Outputs { ["per_input"] = tensor(perInput), ["per_input_mean"] = tensor(perInput.Average()), ["cross_input"] = tensor(Ratio(grams.SelectMany(row => row))) };

        static double Ratio(IEnumerable<string> all) => all.ToList() is { Count: > 0 } list ? list.Distinct().Count() / (double)list.Count : 0;
    }

    private static string[][] NGrams(Tensor tokens, Tensor mask, int n)
    {
        var (width, all) = ((int)tokens.shape[1], tokens.to_type(ScalarType.Int64).cpu().data<long>().ToArray());
        var real = mask.to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        return [.. Enumerable.Range(0, (int)tokens.shape[0]).Select(row =>
        {
            long[] own = [.. Enumerable.Range(row * width, width).Where(i => real[i] != 0).Select(i => all[i])];
            return Enumerable.Range(0, Math.Max(0, own.Length - n + 1)).Select(start => string.Join(' ', own[start..(start + n)])).ToArray();
        })];
    }
}
