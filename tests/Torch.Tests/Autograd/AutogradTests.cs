namespace Plumbline.Tests.Autograd;

public class AutogradTests
{
    [Fact]
    public void Backward_adds_to_the_gradients_that_are_there()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0, 2.0], requires_grad: true);

        x.square().sum().backward();
        (3 * x).sum().backward();

        Assert.Equal([5.0, 7.0], Same.Values(x.grad!));
    }

    [Fact]
    public void Backward_from_several_elements_takes_a_gradient()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0, 2.0], requires_grad: true);

        x.square().backward([tensor([1.0, 10.0])]);

        Assert.Equal([2.0, 40.0], Same.Values(x.grad!));
        Assert.Contains("scalar", Assert.ThrowsAny<Exception>(() => x.square().backward()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Backward_to_named_inputs_leaves_the_others_alone()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (tensor([2.0], requires_grad: true), tensor([3.0], requires_grad: true));

        (x * y).sum().backward(inputs: [x]);

        Assert.Equal([3.0], Same.Values(x.grad!));
        Assert.Null(y.grad);
    }

    [Fact]
    public void A_graph_serves_one_pass_unless_retained()
    {
        using var scope = NewDisposeScope();
        var x = tensor([2.0], requires_grad: true);
        var loss = x.square().sum();

        loss.backward(retain_graph: true);
        loss.backward();

        Assert.Equal([8.0], Same.Values(x.grad!));
        Assert.ThrowsAny<Exception>(() => loss.backward());
    }

    [Fact]
    public void Grad_gives_gradients_and_leaves_the_leaves_alone()
    {
        using var scope = NewDisposeScope();
        var (x, unused) = (tensor([2.0], requires_grad: true), tensor([1.0], requires_grad: true));

        var gradients = autograd.grad([x.pow(3).sum()], [x, unused], allow_unused: true);

        Assert.Equal([12.0], Same.Values(gradients[0]!));
        Assert.Null(gradients[1]);
        Assert.Null(x.grad);
        Assert.ThrowsAny<Exception>(() => autograd.grad([x.pow(3).sum()], [unused]));
    }

    [Fact]
    public void Grad_weighs_the_outputs_by_their_gradients()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0, 2.0], requires_grad: true);

        var gradient = autograd.grad([x.square(), 3 * x], [x], [tensor([1.0, 10.0]), ones(2, dtype: ScalarType.Float64)])[0]!;

        Assert.Equal([5.0, 43.0], Same.Values(gradient));
    }

    [Fact]
    public void Grad_modes_nest_and_end_in_order()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0], requires_grad: true);
        Assert.True(is_grad_enabled());
        using (no_grad())
        {
            Assert.False((x * 2).requires_grad);
            using (enable_grad())
            {
                Assert.True((x * 2).requires_grad);
                using (set_grad_enabled(false))
                {
                    Assert.False(is_grad_enabled());
                }

                Assert.True(is_grad_enabled());
            }

            Assert.False(is_grad_enabled());
            using (inference_mode())
            {
                Assert.False((x * 2).requires_grad);
            }

            Assert.False(is_grad_enabled());
        }

        Assert.True((x * 2).requires_grad);
    }

    [Fact]
    public void Grad_mode_belongs_to_its_thread()
    {
        using var still = no_grad();
        var elsewhere = false;
        var thread = new Thread(() => elsewhere = is_grad_enabled());

        thread.Start();
        thread.Join();

        Assert.True(elsewhere);
        Assert.False(is_grad_enabled());
    }

    [Fact]
    public void Leaves_and_what_comes_of_them_are_told_apart()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0], requires_grad: true);
        var y = x * 2;
        y.retain_grad();
        y.square().sum().backward();

        Assert.True(x.is_leaf && !y.is_leaf && !y.detach().requires_grad);
        Assert.Equal([4.0], Same.Values(y.grad!));
        y.detach_();
        Assert.True(y.is_leaf && !y.requires_grad);
    }

    [Fact]
    public void A_gradient_can_be_set_and_taken_away()
    {
        using var scope = NewDisposeScope();
        var x = tensor([1.0, 2.0], requires_grad: true);

        x.grad = tensor([5.0, 6.0]);
        Assert.Equal([5.0, 6.0], Same.Values(x.grad));
        x.grad = null;

        Assert.Null(x.grad);
        Assert.ThrowsAny<Exception>(() => x.grad = ones(3));
        Assert.Contains("int64", Assert.ThrowsAny<Exception>(() => arange(3).requires_grad_()).Message, StringComparison.Ordinal);
    }
}
