using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.Lcpo;
using Plumbline.Plugins.SimPo;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class LcpoLaws
{
    public static TheoryData<BaseLoss> Bases => [.. Enum.GetValues<BaseLoss>()];

    [Fact]
    public void Labels_that_are_surely_right_give_the_base_loss() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        Given.Same(new Dpo(new DpoOptions()).Compute(batch).Value, Compute(batch, 1 - 1e-15).Value);
        Given.Same(new SimPo(new SimPoOptions()).Compute(batch).Value, Compute(batch, 1 - 1e-15, BaseLoss.Simpo).Value);
    });

    [Theory]
    [MemberData(nameof(Bases))]
    public void At_a_reliability_of_one_half_the_label_says_nothing(BaseLoss @base) => Given.AnyBatch(random =>
    {
        var loss = Compute(random.Pairs(), 0.5, @base);
        Given.Same(loss.Tensor("probabilities"), loss.Tensor("weights"));
    });

    [Fact]
    public void At_the_reference_every_label_weighs_its_annotators_reliability() => Given.AnyBatch(random =>
    {
        var (batch, reliability) = (random.Pairs(), 0.01 + (0.98 * random.NextDouble()));
        var loss = Compute(batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps)), reliability);
        Given.Same(0.5, loss.Tensor("probabilities"));
        Given.Same(reliability, loss.Tensor("weights"));
    });

    [Theory]
    [MemberData(nameof(Bases))]
    public void Swapped_sides_and_a_reliability_of_one_minus_leave_the_loss(BaseLoss @base) => Given.AnyBatch(random =>
    {
        var (batch, reliability) = (random.Pairs(), 0.01 + (0.98 * random.NextDouble()));
        var (loss, mirrored) = (Compute(batch, reliability, @base), Compute(batch.Swapped(), 1 - reliability, @base));
        Given.Same(loss.Tensor("losses"), mirrored.Tensor("losses"));
        Given.Same(1 - loss.Tensor("weights"), mirrored.Tensor("weights"));
    });

    [Fact]
    public void The_gradient_takes_the_weights_for_constants() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var loss = Compute(batch, 0.8);
        var weights = loss.Tensor("weights");
        Assert.False(weights.requires_grad);
        // d/dh of -w log σ(h) - (1-w) log σ(-h) is σ(h) - w, and σ(h) is the probability.
        var slope = 0.1 / weights.shape[0] * (loss.Tensor("probabilities") - weights);
        Given.Same(slope.unsqueeze(1) * batch.ChosenMask, loss.GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void A_larger_margin_makes_a_label_likelier_to_be_right() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var further = batch.But(("policy_chosen_logps", batch.PolicyChosenLogps.detach() + 0.5));
        Assert.True((Compute(further, 0.7).Tensor("weights") - Compute(batch, 0.7).Tensor("weights")).min().ToDouble() > 0);
    });

    [Fact]
    public void Each_annotators_reliability_moves_towards_the_weights_of_his_own_labels() => Given.AnyBatch(random =>
    {
        var objective = new Lcpo(new LcpoOptions { Annotators = 3, InitialReliability = 0.8, Momentum = 0.25 });
        using var state = objective.Begin(null, new Draws(1));
        var batch = random.Pairs();
        var annotators = zeros([batch.ChosenMask.shape[0]], ScalarType.Int64).fill_(1);
        batch.With("annotator_ids", annotators);
        objective.Prepare(batch);
        Given.Same(0.8, batch["reliability"]);
        var loss = objective.Compute(batch);
        objective.Finish(batch, loss);
        objective.Prepare(batch);
        var after = batch["annotator_reliability"];
        Given.Same((0.75 * 0.8) + (0.25 * loss.Tensor("weights").mean()), after[1]);
        Assert.Equal((0.8, 0.8), (after[0].ToDouble(), after[2].ToDouble()));
    });

    [Fact]
    public void An_annotator_that_does_not_exist_is_refused()
    {
        using var scope = NewDisposeScope();
        var objective = new Lcpo(new LcpoOptions { Annotators = 2 });
        using var state = objective.Begin(null, new Draws(1));
        var batch = new Random(3).Pairs();
        batch.With("annotator_ids", zeros([batch.ChosenMask.shape[0]], ScalarType.Int64).fill_(2));
        Assert.Contains("annotator_ids", Assert.Throws<InvalidInputException>(() => objective.Prepare(batch)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reference_is_needed_where_the_base_reads_one()
    {
        Assert.Equal([Needs.Reference, Needs.Reference, Needs.None, Needs.None], Enum.GetValues<BaseLoss>().Select(@base => new Lcpo(new LcpoOptions { Base = @base }).Needs));
    }

    private static Loss Compute(PairBatch batch, double reliability, BaseLoss @base = BaseLoss.Dpo) => new Lcpo(new LcpoOptions { Base = @base }).Compute(
        batch.But(("reliability", full([batch.ChosenMask.shape[0]], reliability, dtype: ScalarType.Float64))));
}
