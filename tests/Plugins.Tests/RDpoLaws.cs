using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.RDpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class RDpoLaws
{
    [Fact]
    public void Without_flips_it_is_DPO_bit_for_bit() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var (ours, dpo) = (new RDpo(new RDpoOptions { FlipRate = 0 }).Compute(batch), new Dpo(new DpoOptions()).Compute(batch));
        Exactly(dpo.Value, ours.Value);
        Exactly(dpo.GradientOf(batch.PolicyChosenLogps), ours.GradientOf(batch.PolicyChosenLogps));
        Exactly(dpo.GradientOf(batch.PolicyRejectedLogps), ours.GradientOf(batch.PolicyRejectedLogps));
        foreach (var name in new[] { "losses", "chosen_rewards", "rejected_rewards", "accuracy", "margin" })
        {
            Exactly(dpo.Tensor(name), ours.Tensor(name));
        }

        static void Exactly(Tensor expected, Tensor actual) => Assert.Equal(0, (expected - actual).abs().max().ToDouble());
    });

    [Theory]
    [InlineData(OrderLoss.Sigmoid)]
    [InlineData(OrderLoss.Hinge)]
    [InlineData(OrderLoss.Ipo)]
    public void Its_mean_over_flips_is_the_loss_on_clean_labels(OrderLoss loss) => Given.AnyBatch(random =>
    {
        var (rate, batch) = (0.49 * random.NextDouble(), random.Pairs());
        var noisy = new RDpo(new RDpoOptions { FlipRate = rate, Loss = loss });
        var mean = ((1 - rate) * noisy.Compute(batch).Tensor("losses")) + (rate * noisy.Compute(batch.Swapped()).Tensor("losses"));
        Given.Same(new RDpo(new RDpoOptions { FlipRate = 0, Loss = loss }).Compute(batch).Tensor("losses"), mean);
    });

    [Fact]
    public void A_pairs_gradient_is_scaled_by_its_weight_which_never_falls_below_its_floor() => Given.AnyBatch(random =>
    {
        var (rate, batch) = (0.49 * random.NextDouble(), random.Pairs());
        var loss = new RDpo(new RDpoOptions { FlipRate = rate, Beta = 0.5 }).Compute(batch);
        var weights = loss.Tensor("weights");
        Assert.True(weights.min().ToDouble() >= (rate / (1 - (2 * rate))) - 1e-12);
        Given.Same(-0.5 / weights.shape[0] * weights.unsqueeze(1) * batch.ChosenMask, loss.GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void It_is_DPOs_loss_less_a_multiple_of_the_margin() => Given.AnyBatch(random =>
    {
        var (rate, batch) = (0.49 * random.NextDouble(), random.Pairs());
        var loss = new RDpo(new RDpoOptions { FlipRate = rate }).Compute(batch);
        Given.Same(-rate / (1 - (2 * rate)) * loss.Tensor("margin"), loss.Value.detach() - new Dpo(new DpoOptions()).Compute(batch).Value.detach());
    });

    [Fact]
    public void A_reward_models_loss_is_that_of_its_scores() => Given.AnyBatch(random =>
    {
        var (options, batch) = (new RDpoOptions { FlipRate = 0.2 }, random.Pairs());
        var policy = new RDpo(options).Compute(batch);
        var scores = new RDpoRewardModel(options).Compute(new PreferenceModelBatch { ["chosen_scores"] = policy.Tensor("chosen_rewards"), ["rejected_scores"] = policy.Tensor("rejected_rewards") });
        Given.Same(policy.Tensor("losses"), scores.Tensor("losses"));
    });
}
