using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.LdDpo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class LdDpoLaws
{
    [Fact]
    public void Alpha_1_is_DPO() => Given.AnyBatch(random => SameAsDpo(random.Pairs(), alpha: 1));

    [Fact]
    public void Answers_of_equal_length_give_DPO_whatever_alpha() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(random.Next(1, 5), random.Next(1, 7));
        var batch = new PairBatch
        {
            ["policy_chosen_logps"] = random.Logps(mask).requires_grad_(),
            ["policy_rejected_logps"] = random.Logps(mask).requires_grad_(),
            ["reference_chosen_logps"] = random.Logps(mask),
            ["reference_rejected_logps"] = random.Logps(mask),
            ["chosen_mask"] = mask,
            ["rejected_mask"] = mask,
        };
        SameAsDpo(batch, random.NextDouble());
    });

    [Fact]
    public void With_alpha_0_the_tokens_beyond_the_shared_length_do_not_matter() => Given.AnyBatch(random =>
    {
        var objective = new LdDpo(new LdDpoOptions { Alpha = 0 });
        var batch = random.Pairs();
        var (chosen, rejected) = Beyond(batch);
        var changed = batch.But(
            ("policy_chosen_logps", batch.PolicyChosenLogps.detach() + (random.Normal(1, chosen.shape) * chosen)),
            ("policy_rejected_logps", batch.PolicyRejectedLogps.detach() + (random.Normal(1, rejected.shape) * rejected)));
        Given.Same(objective.Compute(batch).Value, objective.Compute(changed).Value);
    });

    [Fact]
    public void A_discounted_tokens_gradient_is_alpha_times_a_shared_ones() => Given.AnyBatch(random =>
    {
        var alpha = random.NextDouble();
        var batch = random.Pairs();
        var loss = new LdDpo(new LdDpoOptions { Alpha = alpha }).Compute(batch);
        var (chosen, rejected) = Beyond(batch);
        // Every answer has a token, and its first one is shared.
        AssertDiscounted(loss.GradientOf(batch.PolicyChosenLogps), chosen, batch.ChosenMask);
        AssertDiscounted(loss.GradientOf(batch.PolicyRejectedLogps), rejected, batch.RejectedMask);

        void AssertDiscounted(Tensor gradient, Tensor beyond, Tensor mask)
        {
            var first = gradient.narrow(1, 0, 1);
            Given.Same((first * (mask - beyond)) + (alpha * first * beyond), gradient);
            Assert.True(first.abs().min().ToDouble() > 0);
        }
    });

    [Fact]
    public void Weights_lie_where_the_mask_does_and_discount_one_side_at_most() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var loss = new LdDpo(new LdDpoOptions { Alpha = 0.3 }).Compute(batch);
        var (chosen, rejected) = Beyond(batch);
        Given.Same(batch.ChosenMask - (0.7 * chosen), loss.Tensor("chosen_weights"));
        Given.Same(batch.RejectedMask - (0.7 * rejected), loss.Tensor("rejected_weights"));
        Assert.Equal(0, (chosen.sum(1) * rejected.sum(1)).sum().ToDouble());
    });

    [Fact]
    public void The_sensitivity_of_a_line_is_its_slope() => Given.AnyBatch(random =>
    {
        var lengths = tensor(Enumerable.Range(0, 6).Select(i => (double)(i * random.Next(1, 4))).ToArray());
        var slope = random.NextDouble() + 0.1;
        var found = LdDpo.LengthSensitivity(0.7 - (slope * lengths), lengths);
        Given.Same(-slope, found.Tensor("slope"));
        Given.Same(-1, found.Tensor("correlation"));
    });

    private static void SameAsDpo(PairBatch batch, double alpha)
    {
        var (mine, dpo) = (new LdDpo(new LdDpoOptions { Alpha = alpha, Beta = 0.3 }).Compute(batch), new Dpo(new DpoOptions { Beta = 0.3 }).Compute(batch));
        Given.Same(dpo.Value, mine.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), mine.GradientOf(batch.PolicyChosenLogps));
        Given.Same(dpo.GradientOf(batch.PolicyRejectedLogps), mine.GradientOf(batch.PolicyRejectedLogps));
        Given.Same(dpo.Tensor("rejected_rewards"), mine.Tensor("rejected_rewards"));
    }

    /// <summary>1 at tokens beyond the shared length; the masks here begin at the first token and have no gaps.</summary>
    private static (Tensor Chosen, Tensor Rejected) Beyond(PairBatch batch)
    {
        var shared = minimum(batch.ChosenMask.sum(1), batch.RejectedMask.sum(1)).unsqueeze(1);
        return (Of(batch.ChosenMask), Of(batch.RejectedMask));

        Tensor Of(Tensor mask) => mask * arange(mask.shape[1], float64).unsqueeze(0).ge(shared).to_type(float64);
    }
}
