using Plumbline.Plugins.D3Po;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class D3PoLaws
{
    [Fact]
    public void Where_policy_and_reference_agree_the_loss_is_log_2() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("first_logps", batch["first_reference_logps"].clone().requires_grad_()).With("second_logps", batch["second_reference_logps"].clone().requires_grad_());
        Given.Same(Math.Log(2), new D3Po(new D3PoOptions()).Compute(batch).Value);
    });

    [Fact]
    public void Ties_give_log_2_and_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("preference", zeros_like(batch["preference"]));
        var loss = new D3Po(new D3PoOptions()).Compute(batch);
        Given.Same(Math.Log(2), loss.Value);
        Given.Same(0, loss.GradientOf(batch["first_logps"]));
        Given.Same(0, loss.GradientOf(batch["second_logps"]));
    });

    [Fact]
    public void Swapping_the_sides_with_their_preferences_changes_nothing() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var swapped = new TransitionBatch
        {
            ["first_logps"] = batch["second_logps"],
            ["second_logps"] = batch["first_logps"],
            ["first_reference_logps"] = batch["second_reference_logps"],
            ["second_reference_logps"] = batch["first_reference_logps"],
            ["mask"] = batch.Mask,
            ["preference"] = batch["preference"].flip(1),
        };
        var d3po = new D3Po(new D3PoOptions());
        var (one, other) = (d3po.Compute(batch), d3po.Compute(swapped));
        Given.Same(one.Value, other.Value);
        Given.Same(one.GradientOf(batch["first_logps"]), other.GradientOf(batch["first_logps"]));
    });

    [Fact]
    public void Outside_the_clamp_a_trajectorys_step_has_no_gradient() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        var far = (batch["first_reference_logps"] + 200).requires_grad_();
        batch.With("first_logps", far);
        var loss = new D3Po(new D3PoOptions()).Compute(batch);
        Given.Same(0, loss.GradientOf(far));
        Assert.True(loss.Value.isfinite().ToBoolean());
        Assert.True(((Tensor)loss["clipped_fraction"]).ToDouble() >= 0.5);
    });

    [Fact]
    public void Within_the_clamp_one_step_is_dpo_on_its_density() => Given.AnyBatch(random =>
    {
        var batch = Batch(random, steps: 1, scale: 1e-3);
        batch.With("mask", ones_like(batch.Mask));
        var first = batch["preference"].narrow(1, 0, 1);
        var margin = (batch["first_logps"] - batch["first_reference_logps"] - batch["second_logps"] + batch["second_reference_logps"]) * first;
        Given.Same(-nn.functional.logsigmoid(0.1 * margin).mean(), new D3Po(new D3PoOptions { Epsilon = 0.999 }).Compute(batch).Value);
    });

    [Fact]
    public void A_preference_that_is_none_is_refused() => Given.AnyBatch(random =>
    {
        var batch = Batch(random);
        batch.With("preference", full_like(batch["preference"], 0.5));
        Assert.Contains("preference", Assert.Throws<InvalidInputException>(() => new D3Po(new D3PoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
        batch.With("preference", ones_like(batch["preference"])).With("mask", zeros_like(batch.Mask));
        Assert.Contains("mask", Assert.Throws<InvalidInputException>(() => new D3Po(new D3PoOptions()).Compute(batch)).Message, StringComparison.Ordinal);
    });

    [Fact]
    public void A_preference_turns_over_with_its_sides_and_with_what_is_better() => Given.AnyBatch(random =>
    {
        var (first, second) = (random.Normal(1, 6, 2).round(), random.Normal(1, 6, 2).round());
        Tensor Of(Tensor a, Tensor b, bool higher = true) => Judgement.Preference(a, b, new PreferenceOptions { HigherIsBetter = higher }).Tensor("preference");
        Given.Same(-Of(first, second), Of(second, first));
        Given.Same(-Of(first, second), Of(first, second, higher: false));
        Given.Same(0, Of(first, first));
        Given.Same(0, Of(first, second).sum(1));
    });

    [Fact]
    public void Of_labels_every_unequal_pair_comes_once_and_the_larger_wins() => Given.AnyBatch(random =>
    {
        int[] labels = [.. Enumerable.Range(0, 7).Select(_ => random.Next(2))];
        var pairs = Judgement.AllPairs(labels);
        var ones = labels.Sum();
        Assert.Equal(ones * (7 - ones), pairs.Tensor("first").numel());
        var (first, second) = (pairs.Tensor("first").data<long>().ToArray(), pairs.Tensor("second").data<long>().ToArray());
        var preference = pairs.Tensor("preference");
        Assert.All(Enumerable.Range(0, first.Length), i => Assert.Equal(labels[first[i]] - labels[second[i]], preference[i, 0].ToDouble()));
        Assert.All(first.Zip(second), pair => Assert.True(pair.First < pair.Second));
    });

    private static TransitionBatch Batch(Random random, int rows = 4, int steps = 5, double scale = 0.05)
    {
        var wins = tensor(Enumerable.Range(0, rows).Select(_ => random.Next(2) == 0 ? 1.0 : -1).ToArray());
        var (first, second) = (random.Normal(1, rows, steps), random.Normal(1, rows, steps));
        return new TransitionBatch
        {
            ["first_reference_logps"] = first,
            ["second_reference_logps"] = second,
            ["first_logps"] = (first + random.Normal(scale, rows, steps)).requires_grad_(),
            ["second_logps"] = (second + random.Normal(scale, rows, steps)).requires_grad_(),
            ["mask"] = random.Mask(rows, steps),
            ["preference"] = stack([wins, -wins], 1),
        };
    }
}
