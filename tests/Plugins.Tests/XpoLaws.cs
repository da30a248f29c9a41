using System.Text.Json.Nodes;
using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.IpoMd;
using Plumbline.Plugins.Xpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class XpoLaws
{
    [Fact]
    public void Without_a_bonus_it_is_dpo_or_ipo() => Given.AnyBatch(random =>
    {
        var batch = Explored(random);
        var beta = 0.05 + random.NextDouble();
        var dpo = new Dpo(new DpoOptions { Beta = beta }).Compute(batch);
        var sigmoid = new Xpo(new XpoOptions { Alpha = 0, Beta = beta }).Compute(batch);
        Given.Same(dpo.Value, sigmoid.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), sigmoid.GradientOf(batch.PolicyChosenLogps));
        var ipo = new IpoMd(new IpoMdOptions { Tau = beta }).Compute(batch);
        Given.Same(ipo.Value, new Xpo(new XpoOptions { Alpha = 0, Beta = beta, LossType = XpoLoss.Ipo }).Compute(batch).Value);
    });

    [Fact]
    public void The_bonus_pushes_each_token_of_the_sampling_policys_answers_down_alike() => Given.AnyBatch(random =>
    {
        var batch = Explored(random);
        var alpha = random.NextDouble();
        var gradient = new Xpo(new XpoOptions { Alpha = alpha }).Compute(batch).GradientOf(batch["explore_logps"]);
        Given.Same(alpha / batch["explore_mask"].shape[0] * batch["explore_mask"], gradient);
    });

    [Fact]
    public void The_bonus_is_linear_in_alpha() => Given.AnyBatch(random =>
    {
        var batch = Explored(random);
        var alpha = random.NextDouble();
        Loss At(double value) => new Xpo(new XpoOptions { Alpha = value }).Compute(batch);
        var (none, one, three) = (At(0), At(alpha), At(3 * alpha));
        Given.Same(3 * one.Tensor("bonus"), three.Tensor("bonus"));
        Given.Same(none.Value + one.Tensor("bonus"), one.Value);
        Given.Same(none.Tensor("preference_loss"), three.Tensor("preference_loss"));
    });

    [Fact]
    public void A_policy_equal_to_the_reference_has_loss_log_2_without_a_bonus() => Given.AnyBatch(random =>
    {
        var batch = Explored(random);
        var still = batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps));
        Given.Same(Math.Log(2), new Xpo(new XpoOptions { Alpha = 0 }).Compute(still).Value);
    });

    [Fact]
    public void A_controller_sets_alpha() => Given.AnyBatch(random =>
    {
        var batch = Explored(random);
        var steered = batch.But();
        steered.With("alpha", 0.5);
        Given.Same(new Xpo(new XpoOptions { Alpha = 0.5 }).Compute(batch).Value, new Xpo(new XpoOptions()).Compute(steered).Value);
        Assert.Equal(1e-5, new Xpo(new XpoOptions()).Coefficients["alpha"]);
    });

    [Fact]
    public void A_schedule_keeps_its_last_entry()
    {
        var options = new XpoAlphaOptions { Alpha = new JsonArray(0.3, 0.2) };
        Assert.Equal([0.3, 0.2, 0.2], Enumerable.Range(0, 3).Select(iteration => Xpo.Alpha(iteration, options)));
        Assert.NotEmpty(new XpoAlphaOptions { Alpha = new JsonArray(0.3, -1.0) }.Check());
        Assert.NotEmpty(new XpoAlphaOptions { Alpha = new JsonArray() }.Check());
        Assert.Empty(options.Check());
    }

    private static PairBatch Explored(Random random)
    {
        var batch = random.Pairs();
        var mask = random.Mask((int)batch.ChosenMask.shape[0], random.Next(1, 6));
        batch.With("explore_mask", mask).With("explore_logps", random.Logps(mask).requires_grad_());
        return batch;
    }
}
