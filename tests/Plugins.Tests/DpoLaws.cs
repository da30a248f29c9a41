using Plumbline.Plugins.Dpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class DpoLaws
{
    [Fact]
    public void A_policy_equal_to_the_reference_has_loss_log_2_and_no_reward() => Given.AnyBatch(random =>
    {
        var batch = Still(random.Pairs());
        var loss = new Dpo(new DpoOptions { LabelSmoothing = random.NextDouble() / 2, Beta = 0.01 + random.NextDouble() }).Compute(batch);
        Given.Same(Math.Log(2), loss.Value);
        Given.Same(0, loss.Tensor("chosen_rewards"));
        Given.Same(0, loss.Tensor("rejected_rewards"));
    });

    [Fact]
    public void Swapping_the_sides_negates_the_margin() => Given.AnyBatch(random =>
    {
        var objective = new Dpo(new DpoOptions());
        var batch = random.Pairs();
        var (loss, other) = (objective.Compute(batch), objective.Compute(batch.Swapped()));
        var z = loss.Tensor("chosen_rewards") - loss.Tensor("rejected_rewards");
        Given.Same(-loss.Tensor("margin"), other.Tensor("margin"));
        // -log σ(-z) + log σ(z) = z.
        Given.Same(z, other.Tensor("losses") - loss.Tensor("losses"));
    });

    [Fact]
    public void A_constant_added_to_both_sums_changes_nothing() => Given.AnyBatch(random =>
    {
        var objective = new Dpo(new DpoOptions { LabelSmoothing = 0.1 });
        var batch = random.Pairs();
        var moved = batch.But(
            ("policy_chosen_logps", AddAtFirstToken(batch.PolicyChosenLogps, 1.7)), ("policy_rejected_logps", AddAtFirstToken(batch.PolicyRejectedLogps, 1.7)));
        var (loss, other) = (objective.Compute(batch), objective.Compute(moved));
        Given.Same(loss.Value, other.Value);
        Given.Same(loss.GradientOf(batch.PolicyChosenLogps), other.GradientOf(moved.PolicyChosenLogps));
    });

    [Fact]
    public void Half_of_the_labels_wrong_puts_the_minimum_at_a_margin_of_zero() => Given.AnyBatch(random =>
    {
        var objective = new Dpo(new DpoOptions { LabelSmoothing = 0.5, Beta = 1 });
        var batch = random.Pairs();
        Assert.True(objective.Compute(batch).Value.ToDouble() >= Math.Log(2) - 1e-12);
        var still = Still(batch);
        Given.Same(0, objective.Compute(still).GradientOf(still.PolicyChosenLogps));
    });

    [Fact]
    public void The_reference_is_a_constant() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var reference = batch.ReferenceChosenLogps.requires_grad_();
        var loss = new Dpo(new DpoOptions()).Compute(batch);
        Assert.Null(autograd.grad([loss.Value], [reference], allow_unused: true)[0]);
    });

    [Fact]
    public void A_reference_is_needed_unless_the_loss_is_reference_free()
    {
        Assert.Equal(Needs.Reference, new Dpo(new DpoOptions()).Needs);
        Assert.Equal(Needs.None, new Dpo(new DpoOptions { ReferenceFree = true }).Needs);
    }

    [Fact]
    public void An_absent_reference_is_refused_by_name() => Assert.Contains(
        "reference_chosen_logps",
        Assert.Throws<InvalidInputException>(() => new Dpo(new DpoOptions()).Compute(new Random(1).Pairs(reference: false))).Message,
        StringComparison.Ordinal);

    private static PairBatch Still(PairBatch batch) => batch.But(
        ("policy_chosen_logps", batch.ReferenceChosenLogps.clone().requires_grad_()), ("policy_rejected_logps", batch.ReferenceRejectedLogps.clone().requires_grad_()));

    private static Tensor AddAtFirstToken(Tensor logps, double constant)
    {
        var moved = logps.detach().clone();
        moved.narrow(1, 0, 1).add_(constant);
        return moved.requires_grad_();
    }
}
