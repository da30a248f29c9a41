using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Plumbline.Tests.nn;

public class InitTests
{
    [Fact]
    public void Weights_are_filled_in_place_without_a_record()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var weight = new Parameter(empty(200, 100));

        Assert.Same(weight, init.zeros_(weight));
        Assert.Equal(0, weight.abs().sum().ToDouble());
        Assert.Equal(1, init.ones_(weight).min().ToDouble());
        Assert.Equal(2.5, init.constant_(weight, 2.5).max().ToDouble());
        Assert.Equal(3, init.normal_(weight, 3, 0.5, generator).mean().ToDouble(), 0.02);
        Assert.Equal(0.5, weight.std().ToDouble(), 0.02);
        Assert.InRange(init.uniform_(weight, 1, 2, generator).min().ToDouble(), 1, 1.01);
        Assert.True(weight.is_leaf && weight.requires_grad);
    }

    [Fact]
    public void Xavier_looks_at_both_sides_of_a_layer()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);

        var bound = Math.Sqrt(6.0 / 300);
        Assert.InRange(init.xavier_uniform_(empty(200, 100)).abs().max().ToDouble(), bound * 0.99, bound);
        Assert.Equal(2 * Math.Sqrt(2.0 / 300), init.xavier_normal_(empty(200, 100), gain: 2).std().ToDouble(), 0.01);
        Assert.InRange(init.xavier_uniform_(empty(8, 4, 3, 3)).abs().max().ToDouble(), 0, Math.Sqrt(6.0 / (12 * 9)));
    }

    [Fact]
    public void Gradients_are_clipped_by_their_norm_together()
    {
        using var scope = NewDisposeScope();
        Parameter[] parameters = [new(zeros(1)), new(zeros(1)), new(zeros(1))];
        (parameters[0].grad, parameters[1].grad) = (tensor([3f]), tensor([4f]));

        Assert.Equal(5, utils.clip_grad_norm_(parameters, 10), 1e-6);
        Assert.Equal((3f, 4f), (parameters[0].grad!.item<float>(), parameters[1].grad!.item<float>()));

        Assert.Equal(5, utils.clip_grad_norm_(parameters, 1), 1e-6);
        Assert.Equal(0.6, parameters[0].grad!.ToDouble(), 1e-5);
        Assert.Equal(0.8, parameters[1].grad!.ToDouble(), 1e-5);
        Assert.Null(parameters[2].grad);
        Assert.Equal(0.8, utils.clip_grad_norm_(parameters, 1, double.PositiveInfinity), 1e-5);
        Assert.Equal(0, utils.clip_grad_norm_([parameters[2]], 1));
    }
}
