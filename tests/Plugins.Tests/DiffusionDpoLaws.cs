using Plumbline.Plugins.DiffusionDpo;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class DiffusionDpoLaws
{
    private static readonly string[] Tensors =
        ["chosen_target", "rejected_target", "policy_chosen_prediction", "policy_rejected_prediction", "reference_chosen_prediction", "reference_rejected_prediction"];

    [Fact]
    public void Where_policy_is_reference_the_loss_is_log_2_and_its_gradient_lowers_the_preferred_error_and_raises_the_other() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        foreach (var side in new[] { "chosen", "rejected" })
        {
            batch.With($"policy_{side}_prediction", batch[$"reference_{side}_prediction"].clone().requires_grad_());
        }

        var loss = new DiffusionDpo(new DiffusionDpoOptions { Beta = 20 }).Compute(batch);
        Given.Same(Math.Log(2), loss.Value);
        var rows = batch["chosen_target"].shape[0];
        // d loss / d prediction = ±β/4B · d error / d prediction.
        foreach (var (side, sign) in new[] { ("chosen", 1.0), ("rejected", -1.0) })
        {
            var difference = batch[$"policy_{side}_prediction"].detach() - batch[$"{side}_target"];
            Given.Same(sign * 20 / (4.0 * rows) * 2 * difference / (difference.numel() / rows), loss.GradientOf(batch[$"policy_{side}_prediction"]));
        }
    });

    [Fact]
    public void Swapping_the_members_of_a_pair_swaps_the_rewards_and_negates_the_margin() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var swapped = new DiffusionPairBatch(batch.Names.Select(name => KeyValuePair.Create(Other(name), (object)batch[name])));
        var dpo = new DiffusionDpo(new DiffusionDpoOptions { Beta = 3 });
        var (there, back) = (dpo.Compute(batch), dpo.Compute(swapped));
        Given.Same(there.Tensor("chosen_rewards"), back.Tensor("rejected_rewards"));
        Given.Same(1.0, there.Tensor("implicit_accuracy") + back.Tensor("implicit_accuracy"));
        var z = there.Tensor("chosen_rewards") - there.Tensor("rejected_rewards");
        Given.Same(-nn.functional.logsigmoid(z).mean(), there.Value.detach());
        Given.Same(-nn.functional.logsigmoid(-z).mean(), back.Value.detach());
    });

    [Fact]
    public void One_constant_added_to_targets_and_predictions_changes_nothing() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var constant = random.Normal(3, 1);
        var moved = new DiffusionPairBatch(Tensors.Select(name => KeyValuePair.Create(name, (object)(batch[name] + constant))));
        var dpo = new DiffusionDpo(new DiffusionDpoOptions { Beta = 2, SftWeight = 0.3 });
        Given.Same(dpo.Compute(batch).Value, dpo.Compute(moved).Value);
    });

    [Fact]
    public void With_half_the_labels_wrong_nothing_pulls_at_a_margin_of_zero() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("policy_chosen_prediction", batch["reference_chosen_prediction"].clone().requires_grad_()).With("policy_rejected_prediction", batch["reference_rejected_prediction"].clone());
        var loss = new DiffusionDpo(new DiffusionDpoOptions { LabelSmoothing = 0.5 }).Compute(batch);
        Given.Same(0.0, loss.GradientOf(batch["policy_chosen_prediction"]));
    });

    [Fact]
    public void A_sum_with_beta_over_the_number_of_elements_is_the_mean() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var elements = batch["chosen_target"].numel() / batch["chosen_target"].shape[0];
        var mean = new DiffusionDpo(new DiffusionDpoOptions { Beta = 7 }).Compute(batch);
        var sum = new DiffusionDpo(new DiffusionDpoOptions { Beta = 7.0 / elements, Reduction = ErrorReduction.Sum }).Compute(batch);
        Given.Same(mean.Value, sum.Value);
        Given.Same(mean.Tensor("chosen_rewards"), sum.Tensor("chosen_rewards"));
    });

    [Fact]
    public void A_truncated_ratio_below_its_bound_is_the_ratio() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("alphas_cumprod", tensor(new[] { 0.9, 0.6, 0.2 })).With("timesteps", tensor(Enumerable.Range(0, (int)batch["chosen_target"].shape[0]).Select(_ => (long)random.Next(3)).ToArray()));
        Tensor Of(TimeWeight weight, double most) => new DiffusionDpo(new DiffusionDpoOptions { Beta = 2, TimeWeight = weight, SnrMax = most }).Compute(batch).Value;
        Given.Same(Of(TimeWeight.Snr, 5), Of(TimeWeight.TruncatedSnr, 10));
    });

    [Fact]
    public void The_reference_gets_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var reference = batch["reference_chosen_prediction"].clone().requires_grad_();
        batch.With("reference_chosen_prediction", reference);
        var loss = new DiffusionDpo(new DiffusionDpoOptions()).Compute(batch);
        Assert.Null(autograd.grad([loss.Value], [reference], allow_unused: true)[0]);
    });

    [Fact]
    public void Errors_of_half_precision_are_taken_in_single() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var half = new DiffusionPairBatch(Tensors.Select(name => KeyValuePair.Create(name, (object)batch[name].detach().to_type(ScalarType.BFloat16))));
        var wide = new DiffusionPairBatch(Tensors.Select(name => KeyValuePair.Create(name, (object)half[name].to_type(ScalarType.Float32))));
        var dpo = new DiffusionDpo(new DiffusionDpoOptions { Beta = 2 });
        Assert.Equal(dpo.Compute(wide).Value.ToSingle(), dpo.Compute(half).Value.ToSingle());
    });

    [Fact]
    public void A_time_outside_the_table_is_refused_by_name() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var rows = (int)batch["chosen_target"].shape[0];
        batch.With("alphas_cumprod", tensor(new[] { 0.9, 0.6 })).With("timesteps", tensor(Enumerable.Repeat(2L, rows).ToArray()));
        var refused = Assert.Throws<InvalidInputException>(() => new DiffusionDpo(new DiffusionDpoOptions { TimeWeight = TimeWeight.Snr }).Compute(batch));
        Assert.Contains("timesteps", refused.Message, StringComparison.Ordinal);
    });

    [Fact]
    public void Swapping_two_scores_swaps_the_label_and_leaves_a_tie() => Given.AnyBatch(random =>
    {
        var (first, second) = (random.Normal(1, 6).round(), random.Normal(1, 6).round());
        var (there, back) = (DiffusionDpo.Label(first, second).Tensor("chosen_index"), DiffusionDpo.Label(second, first).Tensor("chosen_index"));
        var tie = first.eq(second).to_type(ScalarType.Int64);
        Assert.True((there + back).eq(1 - (3 * tie)).all().ToBoolean());
    });

    private static string Other(string name) => name.Contains("chosen", StringComparison.Ordinal)
        ? name.Replace("chosen", "rejected", StringComparison.Ordinal) : name.Replace("rejected", "chosen", StringComparison.Ordinal);

    private static DiffusionPairBatch Batch(Random random)
    {
        long[] shape = [random.Next(1, 5), random.Next(1, 4), 2];
        var batch = new DiffusionPairBatch(Tensors.Select(name => KeyValuePair.Create(name, (object)random.Normal(1, shape))));
        batch["policy_chosen_prediction"].requires_grad_();
        batch["policy_rejected_prediction"].requires_grad_();
        return batch;
    }
}
