using Plumbline.Plugins.Sft;
using Plumbline.Plugins.SftImplicitReward;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SftImplicitRewardLaws
{
    public static TheoryData<Divergence> Divergences => [.. Enum.GetValues<Divergence>()];

    [Fact]
    public void Total_variation_has_the_gradient_of_SFT() => Given.AnyBatch(random =>
    {
        var batch = Demonstrations(random);
        Given.Same(new Sft().Compute(batch).GradientOf(batch.Logps), new SftImplicitReward(new SftImplicitRewardOptions()).Compute(batch).GradientOf(batch.Logps));
    });

    [Theory]
    [MemberData(nameof(Divergences))]
    public void At_the_reference_every_token_weighs_1_and_under_reverse_KL_1_over_e(Divergence divergence) => Given.AnyBatch(random =>
    {
        var batch = Demonstrations(random);
        batch.With("reference_logps", batch.Logps.detach());
        var weights = new SftImplicitReward(new SftImplicitRewardOptions { Divergence = divergence }).Compute(batch).Tensor("weights");
        Given.Same((divergence == Divergence.ReverseKl ? Math.Exp(-1) : 1) * batch.Mask, weights);
    });

    [Theory]
    [MemberData(nameof(Divergences))]
    public void A_tokens_gradient_is_SFTs_times_its_weight(Divergence divergence) => Given.AnyBatch(random =>
    {
        var batch = Demonstrations(random);
        var loss = new SftImplicitReward(new SftImplicitRewardOptions { Divergence = divergence, Beta = 0.7 }).Compute(batch);
        Given.Same(-0.7 * loss.Tensor("weights") / batch.Mask.sum(), loss.GradientOf(batch.Logps));
    });

    [Theory]
    [MemberData(nameof(Divergences))]
    public void A_token_weighs_the_less_the_further_the_policy_is_above_the_reference(Divergence divergence) => Given.AnyBatch(random =>
    {
        var batch = Demonstrations(random);
        var loss = new SftImplicitReward(new SftImplicitRewardOptions { Divergence = divergence, Floor = -0.6 * random.NextDouble() }).Compute(batch);
        var tokens = batch.Mask.reshape(-1).nonzero().squeeze(1);
        double[] Of(string name) => loss.Tensor(name).reshape(-1).index_select(0, tokens).data<double>().ToArray();
        var pairs = Of("token_rewards").Zip(Of("weights")).OrderBy(pair => pair.First).ToArray();
        Assert.All(pairs.Zip(pairs.Skip(1)), next => Assert.True(next.Second.Second <= next.First.Second + 1e-12));
        // Pearson's turn negative where a token is more than 2/β nats likelier than under the reference.
        Assert.All(pairs, pair => Assert.True(pair.Second > 0 || (divergence == Divergence.PearsonChi2 && pair.First >= 2)));
    });

    [Theory]
    [InlineData(Divergence.SquaredHellinger)]
    [InlineData(Divergence.JensenShannon)]
    public void Below_the_floor_the_loss_goes_on_in_a_straight_line(Divergence divergence)
    {
        double Loss(double x)
        {
            using var scope = NewDisposeScope();
            var (reference, mask) = (zeros([1, 1], float64), ones([1, 1], float64));
            return new SftImplicitReward(new SftImplicitRewardOptions { Divergence = divergence }).Compute(new SequenceBatch { ["logps"] = full([1, 1], x, float64), ["reference_logps"] = reference, ["mask"] = mask }).Value.ToDouble();
        }

        var slope = (Loss(-0.5 + 1e-6) - Loss(-0.5)) / 1e-6;
        Assert.Equal(Loss(-0.5), Loss(-0.5 - 1e-9), 1e-7);
        Assert.Equal(slope, (Loss(-0.5) - Loss(-3)) / 2.5, 1e-3);
    }

    [Fact]
    public void Shaped_rewards_telescope_to_the_first_value_and_the_implicit_rewards() => Given.AnyBatch(random =>
    {
        var batch = Demonstrations(random);
        var values = random.Normal(1, batch.Mask.shape);
        var returns = SftImplicitReward.ShapedReward(batch.Logps, batch.ReferenceLogps, values, batch.Mask, new StateValueOptions { Beta = 0.4 }).Tensor("returns");
        Given.Same(values.select(1, 0) + (0.4 * (batch.Logps - batch.ReferenceLogps) * batch.Mask).sum(1), returns);
    });

    [Fact]
    public void At_beta_1_the_advantage_is_the_tokens_log_probability() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(random.Next(1, 5), random.Next(1, 7));
        var logits = random.Normal(2, mask.shape[0], mask.shape[1], 5);
        var tokens = random.Normal(1, mask.shape).abs().mul(10).to_type(int64).remainder(5);
        var found = SftImplicitReward.StateValue(logits, tokens, mask, new StateValueOptions());
        Given.Same(logits.log_softmax(-1).take_along_dim(tokens.unsqueeze(-1), -1).squeeze(-1) * mask, found.Tensor("advantages"));
    });

    private static SequenceBatch Demonstrations(Random random)
    {
        var mask = random.Mask(random.Next(1, 5), random.Next(1, 7));
        return new SequenceBatch { ["logps"] = random.Logps(mask).requires_grad_(), ["reference_logps"] = random.Logps(mask), ["mask"] = mask };
    }
}
