using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.SimPo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SimPoLaws
{
    [Fact]
    public void No_reference_is_read() => Given.AnyBatch(random =>
    {
        var objective = new SimPo(new SimPoOptions());
        var batch = random.Pairs(reference: false);
        var nonsense = batch.But(
            ("reference_chosen_logps", full_like(batch.ChosenMask, double.NaN)), ("reference_rejected_logps", full_like(batch.RejectedMask, double.NaN)));
        Assert.Equal(Needs.None, objective.Needs);
        Given.Same(objective.Compute(batch).Value, objective.Compute(nonsense).Value);
    });

    [Fact]
    public void Gamma_shifts_the_margin_and_nothing_else() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs(reference: false);
        var (plain, shifted) = (new SimPo(new SimPoOptions { Gamma = 0 }).Compute(batch), new SimPo(new SimPoOptions { Gamma = 0.9 }).Compute(batch));
        // -log σ(z) = l, so z = -log(e^l - 1).
        Given.Same(-plain.Tensor("losses").expm1().log() - 0.9, -shifted.Tensor("losses").expm1().log());
        foreach (var name in new[] { "chosen_rewards", "rejected_rewards", "accuracy", "margin" })
        {
            Given.Same(plain.Tensor(name), shifted.Tensor(name));
        }
    });

    [Fact]
    public void With_equal_lengths_it_is_reference_free_DPO_at_beta_over_the_length() => Given.AnyBatch(random =>
    {
        var (n, t) = (random.Next(1, 5), random.Next(1, 7));
        var mask = ones([n, t], float64);
        var batch = new PairBatch
        {
            ["policy_chosen_logps"] = random.Logps(mask).requires_grad_(),
            ["policy_rejected_logps"] = random.Logps(mask).requires_grad_(),
            ["chosen_mask"] = mask,
            ["rejected_mask"] = mask,
        };
        var simpo = new SimPo(new SimPoOptions { Beta = 2, Gamma = 0 }).Compute(batch);
        var dpo = new Dpo(new DpoOptions { Beta = 2.0 / t, ReferenceFree = true }).Compute(batch);
        Given.Same(dpo.Value, simpo.Value);
        Given.Same(dpo.GradientOf(batch.PolicyRejectedLogps), simpo.GradientOf(batch.PolicyRejectedLogps));
    });

    [Fact]
    public void Repeating_an_answers_log_probabilities_leaves_the_loss() => Given.AnyBatch(random =>
    {
        var objective = new SimPo(new SimPoOptions());
        var batch = random.Pairs(reference: false);
        var twice = batch.But(
            ("policy_chosen_logps", cat([batch.PolicyChosenLogps, batch.PolicyChosenLogps], 1)), ("chosen_mask", cat([batch.ChosenMask, batch.ChosenMask], 1)));
        Given.Same(objective.Compute(batch).Value, objective.Compute(twice).Value);
    });

    [Fact]
    public void A_tokens_gradient_falls_as_one_over_the_length() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs(reference: false);
        var loss = new SimPo(new SimPoOptions()).Compute(batch);
        var chosen = loss.GradientOf(batch.PolicyChosenLogps) * batch.ChosenMask.sum(1, true);
        var rejected = loss.GradientOf(batch.PolicyRejectedLogps) * batch.RejectedMask.sum(1, true);
        // Every token of a pair then has the same size, β σ(-z)/B.
        Given.Same(chosen.narrow(1, 0, 1) * batch.ChosenMask, chosen);
        Given.Same(-chosen.narrow(1, 0, 1), rejected.narrow(1, 0, 1));
    });
}
