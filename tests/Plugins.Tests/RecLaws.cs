using Plumbline.Plugins.Grpo;
using Plumbline.Plugins.Rec;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class RecLaws
{
    public static TheoryData<RecPreset> Unregularised =>
    [
        RecPreset.RecOneSideNoIs, RecPreset.RecOneSideIs, RecPreset.RecTwoSideIs, RecPreset.RecRingNoIs, RecPreset.RecGspoNoIs, RecPreset.RecGspoIs, RecPreset.Grpo, RecPreset.RedDrop,
    ];

    [Fact]
    public void Clipping_one_side_with_importance_sampling_has_the_gradient_of_the_clipped_surrogate() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var clipped = new Grpo(new() { Beta = 0, LossType = TokenReductionKind.Bnpo }).Compute(batch);
        Given.Same(clipped.GradientOf(batch.Logps), Gradient(RecPreset.RecOneSideIs, batch));
    });

    [Fact]
    public void Asym_re_is_reinforce_with_every_advantage_raised() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var coef = random.NextDouble();
        var asym = new Rec(new() { Preset = RecPreset.AsymRe, RegularizerCoef = coef }).Compute(batch).GradientOf(batch.Logps);
        batch.With("advantages", batch.Advantages + coef);
        Given.Same(Gradient(RecPreset.Reinforce, batch), asym);
    });

    [Theory]
    [MemberData(nameof(Unregularised))]
    public void On_policy_every_member_is_reinforce(RecPreset preset) => Given.AnyBatch(random =>
    {
        // Whole completions are meaned by row: rows of one length make both means one.
        var (whole, full) = (Batch(random), ones([4, 5], float64));
        var batch = new GroupBatch { ["logps"] = random.Logps(full).requires_grad_(), ["mask"] = full, ["advantages"] = whole.Advantages };
        Given.Same(Gradient(RecPreset.Reinforce, batch), Gradient(preset, batch));
        Given.Same(0, new Rec(new() { Preset = preset }).Compute(batch).Tensor("clip_fraction"));
    });

    [Fact]
    public void Without_advantages_and_a_regulariser_nothing_moves() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("advantages", zeros_like(batch.Advantages));
        foreach (var preset in Enum.GetValues<RecPreset>().Except([RecPreset.AsymRe, RecPreset.Opmd]))
        {
            Given.Same(0, Gradient(preset, batch));
        }

        Given.Same(0.2 * (batch.Logps - batch.OldLogps!).detach() * batch.Mask / batch.Mask.sum(), Gradient(RecPreset.Opmd, batch));
    });

    [Fact]
    public void A_token_out_of_range_has_no_gradient_and_is_counted() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var loss = new Rec(new()).Compute(batch);
        var still = loss.GradientOf(batch.Logps).eq(0).logical_and(batch.Mask.gt(0));
        Given.Same(still.to_type(ScalarType.Float64).sum() / batch.Mask.sum(), loss.Tensor("clip_fraction"));
    });

    [Fact]
    public void What_is_dropped_leaves_at_most_as_many_worse_rows_as_others() => Given.AnyBatch(random =>
    {
        var batch = new Batch { ["rewards"] = random.Normal(1, 15), ["group_ids"] = random.GroupIds(3, 5) };
        var before = new RecAdvantages(new()).Compute(batch).Tensor("advantages");
        batch.With("drop_priority", tensor(Enumerable.Range(0, 15).Select(_ => random.NextDouble()).ToArray()));
        var outputs = new RecAdvantages(new() { Drop = RecDrop.Balance }).Compute(batch);
        var (kept, groups) = (outputs.Tensor("kept"), new Groups(batch["group_ids"]));
        var (worse, other) = (groups.Sum(kept * Number(before.lt(0))), groups.Sum(kept * Number(before.ge(0))));
        Given.Same(groups.Sum(Number(before.lt(0))).minimum(other), worse);
        Given.Same(groups.Sum(Number(before.ge(0))), other);
        Given.Same(0, outputs.Tensor("advantages") * (1 - kept));
        // A dropped row leaves the mean too, except where a single row is left.
        var several = groups.Spread(Number(groups.Sum(kept).gt(1)));
        Given.Same(0, groups.Sum(outputs.Tensor("advantages") * several));
    });

    [Fact]
    public void A_preset_is_overridden_by_single_options_and_brings_its_advantages()
    {
        var full = ones([2, 3], float64);
        var batch = new GroupBatch { ["logps"] = full.neg().requires_grad_(), ["old_logps"] = full * -2, ["mask"] = full, ["advantages"] = tensor(new[] { 1.0, 1.0 }) };
        // The ratio is e everywhere: far outside of the region.
        Given.Same(1, new Rec(new() { Preset = RecPreset.RecOneSideIs }).Compute(batch).Tensor("clip_fraction"));
        Given.Same(0, new Rec(new() { Preset = RecPreset.RecOneSideIs, EpsilonHigh = 2 }).Compute(batch).Tensor("clip_fraction"));
        Given.Same(-1.0 / 6, new Rec(new() { Preset = RecPreset.RecOneSideIs, EpsilonHigh = 2, Weight = RecWeight.None }).Compute(batch).GradientOf(batch.Logps));
        Assert.Equal(["drop_priority"], new Rec(new() { Preset = RecPreset.RedDrop }).Advantage.Draws);
        Assert.Empty(new Rec(new() { Preset = RecPreset.Reinforce }).Advantage.Draws);
        var scored = new Batch { ["rewards"] = tensor(new[] { 0.0, 4.0 }), ["group_ids"] = zeros([2], ScalarType.Int64) };
        Given.Same(tensor(new[] { -1.0, 1 }), new Rec(new() { Preset = RecPreset.Grpo }).Advantage.Compute(scored).Tensor("advantages") * (2 + 1e-6) / 2);
    }

    [Fact]
    public void A_ring_inside_the_region_is_refused_in_either_direction()
    {
        Assert.Contains("epsilon_low_prime", Assert.Single(new RecOptions { Preset = RecPreset.RecRingNoIs, EpsilonLowPrime = 0.1 }.Check()), StringComparison.Ordinal);
        Assert.Contains("epsilon_high_prime", Assert.Single(new RecOptions { Preset = RecPreset.RecRingNoIs, EpsilonHigh = 3 }.Check()), StringComparison.Ordinal);
        Assert.Empty(new RecOptions { EpsilonHigh = 3 }.Check());
    }

    private static Tensor Number(Tensor condition) => condition.to_type(ScalarType.Float64);

    private static Tensor Gradient(RecPreset preset, GroupBatch batch) => new Rec(new() { Preset = preset }).Compute(batch).GradientOf(batch.Logps);

    private static GroupBatch Batch(Random random)
    {
        var mask = random.Mask(4, 5);
        var logps = random.Logps(mask).requires_grad_();
        return new GroupBatch
        {
            ["logps"] = logps,
            ["old_logps"] = logps.detach() + (random.Normal(0.3, mask.shape) * mask),
            ["mask"] = mask,
            ["advantages"] = random.Normal(1, 4),
        };
    }
}
