using Plumbline.Training.Toys;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>The toys reward what they draw.</summary>
public sealed class ToyWorldsTests
{
    [Fact]
    public void A_true_blob_lies_in_its_quadrant_and_is_a_blob()
    {
        using var scope = NewDisposeScope();
        long[] classes = [.. Enumerable.Range(0, 80).Select(i => (long)(i % 4))];
        var images = Blob8.Render(tensor(classes.SelectMany((c, i) => Blob8.Draw((int)c, new Draws(1).Key(i))).ToArray(), [80, 4]));
        var rewards = Blob8.Reward(images, tensor(classes), new Blob8RewardOptions());
        Assert.InRange(rewards.PromptOk.mean().ToDouble(), 0.97, 1);
        Assert.InRange(Blob8.Reward(images, tensor(classes.Select(c => 3 - c).ToArray()), new Blob8RewardOptions()).PromptOk.mean().ToDouble(), 0, 0.03);
        Assert.InRange(Blob8.Fidelity(images).min().ToDouble(), -0.015, 0);
        Assert.InRange(Blob8.Fidelity(images).mean().ToDouble(), -0.004, 0);
        Assert.InRange(Blob8.Fidelity(ones(1, 8, 8, ScalarType.Float64)).ToDouble(), -3, -0.3);
    }

    [Fact]
    public void A_white_image_has_all_the_mass_and_not_the_best_size()
    {
        using var scope = NewDisposeScope();
        var rewards = Blob8.Reward(ones(1, 1, 8, 8, ScalarType.Float64), tensor(new long[] { 0 }), new Blob8RewardOptions());
        Assert.Equal((10, 10), (rewards.Mass.ToDouble(), rewards.Coverage.ToDouble()));
        Assert.InRange(rewards.Size.ToDouble(), 0, 1e-9);
        Assert.InRange(Blob8.Reward(full([1, 8, 8], -0.68, ScalarType.Float64), tensor(new long[] { 0 }), new Blob8RewardOptions()).Size.ToDouble(), 0.999, 1);
    }

    [Fact]
    public void Mass_has_a_gradient_and_an_empty_image_no_number_that_is_none()
    {
        using var scope = NewDisposeScope();
        var images = zeros([2, 8, 8], ScalarType.Float64, requires_grad: true);
        var gradient = autograd.grad([Blob8.Reward(images, zeros(2, ScalarType.Int64), new Blob8RewardOptions()).Mass.sum()], [images])[0]!;
        Assert.Equal(10.0 / 128, gradient.mean().ToDouble(), 1e-9);
        var empty = Blob8.Reward(full([1, 8, 8], -1, ScalarType.Float64), zeros(1, ScalarType.Int64), new Blob8RewardOptions());
        Assert.All([empty.Mass, empty.Coverage, empty.Size, empty.PromptOk], value => Assert.True(double.IsFinite(value.ToDouble())));
    }

    [Fact]
    public void Most_true_shapes_look_most_like_themselves()
    {
        using var scope = NewDisposeScope();
        long[] classes = [.. Enumerable.Range(0, 80).Select(i => (long)(i % 4))];
        var images = Shapes16.Render(tensor(classes.SelectMany((_, i) => Shapes16.Draw(new Draws(2).Key(i))).ToArray(), [80, 4]), tensor(classes));
        var rewards = Shapes16.Reward(images, tensor(classes));
        Assert.InRange(rewards.PromptOk.mean().ToDouble(), 0.9, 1);
        Assert.InRange(Shapes16.Reward(images, tensor(classes.Select(c => (c + 1) % 4).ToArray())).PromptOk.mean().ToDouble(), 0, 0.1);
    }

    [Fact]
    public void Images_and_classes_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        Assert.Throws<InvalidInputException>(() => Blob8.Reward(zeros(2, 8, 8), zeros(3, ScalarType.Int64), new Blob8RewardOptions()));
        Assert.Throws<InvalidInputException>(() => Blob8.Fidelity(zeros(2, 7, 8)));
        Assert.Throws<InvalidInputException>(() => Shapes16.Render(zeros(1, 4), tensor(new long[] { 4 })));
    }

    [Fact]
    public void A_caption_names_what_is_there_and_its_metrics_say_so()
    {
        using var scope = NewDisposeScope();
        var uniforms = tensor(Enumerable.Range(0, 40 * 12).Select(i => new Draws(4).Key(i).Uniform()).ToArray(), [40, 12]);
        var scenes = MultimodalToy.Scene(uniforms, zeros(12, 3, ScalarType.Float64), zeros(40, 3, ScalarType.Float64), new SceneOptions());
        Assert.True(scenes.Objects.sum(1).min().ToDouble() >= 1);
        var captions = MultimodalToy.Caption(scenes.Objects, new CaptionOptions { MaxTokens = 13 });
        var truth = MultimodalToy.Metrics(captions, scenes.Objects);
        Assert.Equal((0, 0, 1), (truth.Chair.ToDouble(), truth.HallucinationRate.ToDouble(), truth.Coverage.ToDouble()));
        // The opposite of each scene: every mention is wrong.
        var wrong = MultimodalToy.Metrics(captions, 1 - scenes.Objects);
        Assert.Equal((1, 1, 0), (wrong.Chair.ToDouble(), wrong.HallucinationRate.ToDouble(), wrong.Coverage.ToDouble()));
        // Second names count as the same objects.
        var second = where(captions.ge(2), captions + 12, captions);
        Assert.Equal(0, MultimodalToy.Metrics(second, scenes.Objects).Mentioned.sub(truth.Mentioned).abs().max().ToDouble());
    }
}
