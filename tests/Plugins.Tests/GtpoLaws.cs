using Plumbline.Plugins.Grpo;
using Plumbline.Plugins.Gtpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GtpoLaws
{
    private static readonly GtpoOptions Unfiltered = new() { EntropyScale = 0, EntropyThreshold = 1e9 };

    [Fact]
    public void Without_anything_shared_and_without_entropy_it_is_dr_grpo_without_a_clip() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, shared: false);
        batch.With("old_logps", batch.Logps.detach() + (random.Normal(0.1, batch.Mask.shape).clamp(-0.15, 0.15) * batch.Mask));
        var loss = new Gtpo(Unfiltered).Compute(batch);
        batch.With("advantages", new GroupRelative(new() { ScaleRewards = RewardScale.None }).Compute(batch).Tensor("advantages"));
        var plain = new Grpo(new() { Beta = 0 }).Compute(batch);
        Given.Same(plain.Value, loss.Value);
        Given.Same(plain.GradientOf(batch.Logps), loss.GradientOf(batch.Logps));
    });

    [Fact]
    public void A_conflict_token_of_a_worse_row_has_no_gradient_and_every_other_token_of_it_has() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var objective = new Gtpo(Unfiltered);
        var conflicts = objective.ConflictMask(batch.Tokens, batch.Mask, batch.Rewards, batch.GroupIds);
        var (worse, conflict) = (conflicts.Tensor("advantages").lt(0).unsqueeze(1), conflicts.Tensor("conflict"));
        var gradient = objective.Compute(batch).GradientOf(batch.Logps);
        Given.Same(0, gradient * Number(worse.logical_and(conflict)));
        Assert.False(gradient.eq(0).logical_and(worse).logical_and(conflict.logical_not()).logical_and(batch.Mask.gt(0)).any().ToBoolean());
    });

    [Fact]
    public void Identical_texts_with_opposite_rewards_conflict_twice_everywhere() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(1, 6).expand(2, 6).contiguous();
        var tokens = random.Tokens(1, 6).expand(2, 6).contiguous();
        var outputs = new Gtpo(new GtpoOptions { ConflictWeight = 3 }).ConflictMask(tokens, mask, tensor(new[] { 1.0, 0.0 }), tensor(new long[] { 4, 4 }));
        Given.Same(mask * tensor(new[] { 9.0, 0.0 }).unsqueeze(1), outputs.Tensor("lambda"));
    });

    [Fact]
    public void Permuting_the_rows_permutes_the_outputs() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var order = tensor(new Draws(random.Next()).Permutation((int)batch.Mask.shape[0]).Select(row => (long)row).ToArray());
        var objective = new Gtpo(new GtpoOptions { EntropyThreshold = 0.8 });
        var moved = new GroupBatch(batch.Names.Select(name => KeyValuePair.Create(name, (object)batch[name].index_select(0, order))));
        var (loss, other) = (objective.Compute(batch), objective.Compute(moved));
        Given.Same(loss.Value, other.Value);
        foreach (var name in new[] { "advantages", "kept", "mean_entropy", "conflict_count" })
        {
            Given.Same(loss.Tensor(name).index_select(0, order), other.Tensor(name));
        }
    });

    [Fact]
    public void A_run_is_unbroken_a_shared_token_beyond_a_difference_is_no_conflict()
    {
        // Place 2 is shared, and neither end reaches it.
        var tokens = tensor(new long[] { 1, 2, 3, 4, 5, 1, 6, 3, 7, 5 }, [2, 5]);
        var outputs = new Gtpo(new GtpoOptions()).ConflictMask(tokens, ones([2, 5], float64), tensor(new[] { 1.0, 0.0 }), zeros([2], ScalarType.Int64));
        Assert.Equal([true, false, false, false, true, true, false, false, false, true], outputs.Tensor("conflict").data<bool>().ToArray());
    }

    [Fact]
    public void Groups_are_apart_and_padding_meets_nothing()
    {
        var tokens = tensor(new long[] { 1, 0, 1, 0, 2, 0, 2, 0 }, [4, 2]);
        var mask = tensor(new double[] { 1, 0, 1, 0, 1, 0, 1, 1 }, [4, 2]);
        // The same token in two groups; then rows of one group that agree in padding alone.
        var outputs = new Gtpo(new GtpoOptions()).ConflictMask(tokens, mask, tensor(new[] { 1.0, 0, 0, 1 }), tensor(new long[] { 0, 1, 0, 1 }));
        Given.Same(mask, outputs.Tensor("lambda"));
    }

    [Fact]
    public void Where_all_rewards_are_equal_only_the_entropy_pushes_down() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("rewards", ones_like(batch.Rewards));
        var loss = new Gtpo(new GtpoOptions { EntropyThreshold = 1e9 }).Compute(batch);
        Given.Same(-0.1 * loss.Tensor("mean_entropy"), loss.Tensor("advantages"));
        Given.Same(0, loss.Tensor("conflict_count"));
        Assert.True(loss.GradientOf(batch.Logps).ge(0).all().ToBoolean());
    });

    [Fact]
    public void A_start_flatter_than_the_threshold_switches_the_filter_off_and_the_first_batch_measures_it() => Given.AnyBatch(random =>
    {
        var (batch, later) = (Batch(random), Batch(random));
        var start = (batch.Entropies * batch.Mask).sum().ToDouble() / batch.Mask.sum().ToDouble();
        var options = new GtpoOptions { EntropyThreshold = start * 0.99, MeasureInitialEntropy = true };
        using var state = Measured(options);
        Given.Same(1, Kept(batch));
        later.With("entropies", later.Entropies * 100);
        Given.Same(1, Kept(later));
        using var flat = Measured(options with { EntropyThreshold = start * 1.01 });
        Given.Same(Number(Masked.RowMean(batch.Entropies, batch.Mask).le(start * 1.01)), Kept(batch));

        IDisposable Measured(GtpoOptions with)
        {
            _objective = new Gtpo(with);
            return _objective.Begin(null, new Draws(0));
        }

        Tensor Kept(GroupBatch of)
        {
            _objective!.Prepare(of);
            return _objective.Compute(of).Tensor("kept");
        }
    });

    private Gtpo? _objective;

    private static Tensor Number(Tensor condition) => condition.to_type(ScalarType.Float64);

    /// <summary>Two groups of four; a vocabulary so small that openings and endings meet, or one in which no token comes twice.</summary>
    private static GroupBatch Batch(Random random, bool shared = true)
    {
        var mask = random.Mask(8, 5);
        var tokens = shared ? random.Tokens(8, 5) : arange(40, ScalarType.Int64).reshape(8, 5);
        return new GroupBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["tokens"] = tokens * mask.to_type(ScalarType.Int64),
            ["entropies"] = random.Normal(1, 8, 5).abs() * mask,
            ["rewards"] = random.Normal(1, 8),
            ["group_ids"] = random.GroupIds(2, 4),
        };
    }
}
