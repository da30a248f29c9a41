using Plumbline.Plugins.LikelihoodOverOptimisation;
using TorchSharp;
using static TorchSharp.torch;
using DpoLoss = Plumbline.Plugins.Dpo.Dpo;
using Method = Plumbline.Plugins.LikelihoodOverOptimisation.LikelihoodOverOptimisation;

namespace Plumbline.Tests.Plugins;

public sealed class LikelihoodOverOptimisationLaws
{
    [Fact]
    public void Without_the_likelihood_term_the_sigmoid_loss_is_DPO() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var beta = 0.05 + random.NextDouble();
        var (mine, dpo) = (new Method(new LikelihoodOverOptimisationOptions { Beta = beta }).Compute(batch), new DpoLoss(new Plumbline.Plugins.Dpo.DpoOptions { Beta = beta }).Compute(batch));
        Given.Same(dpo.Value, mine.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), mine.GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void IPO_is_zero_at_half_the_inverse_of_beta() => Given.AnyBatch(random =>
    {
        var beta = 0.05 + random.NextDouble();
        Given.Same(0, new Method(new LikelihoodOverOptimisationOptions { LossType = AlignmentLoss.Ipo, Beta = beta }).Compute(WithMargin(random, 1 / (2 * beta))).Value);
    });

    [Fact]
    public void A_hinge_has_no_gradient_above_1() => Given.AnyBatch(random =>
    {
        var batch = WithMargin(random, 10.001);
        var hinge = new LikelihoodOverOptimisationOptions { LossType = AlignmentLoss.Hinge };
        Given.Same(0, new Method(hinge).Compute(batch).GradientOf(batch.PolicyChosenLogps));
        var below = WithMargin(random, 9.999);
        Assert.True(new Method(hinge).Compute(below).GradientOf(below.PolicyChosenLogps).abs().sum().ToDouble() > 0);
    });

    [Fact]
    public void The_likelihood_term_is_a_tokens_mean_surprise() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var (with, without) = (new Method(new LikelihoodOverOptimisationOptions { NllCoef = 0.3 }).Compute(batch), new Method(new LikelihoodOverOptimisationOptions()).Compute(batch));
        Given.Same(-0.3 * batch.PolicyChosenLogps.sum() / batch.ChosenMask.sum(), with.Value - without.Value);
        Given.Same(without.Tensor("better_likelihood") - without.Tensor("worse_likelihood"), without.Tensor("likelihood_gap"));
    });

    [Fact]
    public void Over_the_whole_vocabulary_the_mass_is_1_and_both_entropies_agree() => Given.AnyBatch(random =>
    {
        var (logits, mask) = (random.Normal(2, 3, 4, 6), random.Mask(3, 4));
        var outputs = Method.Indicators(logits, mask, new IndicatorOptions { TopK = 6, Renormalize = random.Next(2) == 0 });
        Given.Same(1, outputs.Tensor("topk_mass"));
        Given.Same(outputs.Tensor("entropy"), outputs.Tensor("topk_entropy"));
    });

    [Fact]
    public void Uniform_logits_have_the_logarithm_of_the_vocabulary_as_entropy() => Given.AnyBatch(random =>
    {
        var outputs = Method.Indicators(random.Normal(1, 3, 4, 1).expand(3, 4, 8), random.Mask(3, 4), new IndicatorOptions { TopK = 2 });
        Given.Same(Math.Log(8), outputs.Tensor("entropy"));
        Given.Same(Math.Log(2), outputs.Tensor("topk_entropy"));
        Given.Same(0.25, outputs.Tensor("topk_mass"));
    });

    [Fact]
    public void A_constant_series_never_stops() => Given.AnyBatch(random =>
    {
        var outputs = Method.Monitor(full([9], 1.3, dtype: ScalarType.Float64), full([9], 0.4, dtype: ScalarType.Float64), AnyRule(random));
        Assert.Equal((-1L, 8L), ((long)outputs["stop_index"], (long)outputs["keep_index"]));
        Given.Same(0, outputs.Tensor("entropy_drops"));
    });

    [Fact]
    public void A_stop_is_known_as_soon_as_it_comes_and_stays() => Given.AnyBatch(random =>
    {
        var (entropy, mass, rule) = (random.Normal(1, 20).exp(), random.Normal(1, 20).sigmoid(), AnyRule(random));
        var stop = (long)Method.Monitor(entropy, mass, rule)["stop_index"];
        for (var e = 1L; e <= 20; e++)
        {
            var now = Method.Monitor(entropy.narrow(0, 0, e), mass.narrow(0, 0, e), rule);
            Assert.Equal(stop >= 0 && stop < e ? stop : -1, (long)now["stop_index"]);
            if (stop == e - 1)
            {
                Assert.Equal(Math.Max(0, stop - rule.Patience), (long)now["keep_index"]);
            }
        }
    });

    [Fact]
    public void Distinct_samples_are_wholly_diverse_and_one_sample_repeated_is_not() => Given.AnyBatch(random =>
    {
        var tokens = arange(24).reshape(4, 6);
        var ids = random.GroupIds(2, 2);
        Given.Same(1, Method.Diversity(tokens, ones([4, 6], ScalarType.Float64), ids, new DiversityOptions()).Tensor("cross_input"));
        var same = Method.Diversity(tokens.narrow(0, 0, 1).expand(4, 6), ones([4, 6], ScalarType.Float64), ids, new DiversityOptions());
        Given.Same(0.25, same.Tensor("cross_input"));
        Given.Same(0.5, same.Tensor("per_input"));
    });

    private static MonitorOptions AnyRule(Random random) => new()
    {
        Window = random.Next(1, 4),
        Patience = random.Next(1, 4),
        Rule = random.Next(2) == 0 ? AlarmRule.Any : AlarmRule.All,
    };

    /// <summary>Pairs whose log-ratios differ by a given amount.</summary>
    private static PairBatch WithMargin(Random random, double margin)
    {
        var pairs = random.Pairs();
        var chosen = pairs.ReferenceChosenLogps.clone();
        chosen.narrow(1, 0, 1).add_(margin);
        return pairs.But(("policy_chosen_logps", chosen.requires_grad_()), ("policy_rejected_logps", pairs.ReferenceRejectedLogps.clone().requires_grad_()));
    }
}
