using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Plumbline.Tests;

public class LeakTests
{
    [Fact]
    public void A_thousand_steps_of_training_leave_no_tensor_behind()
    {
        using var network = Sequential(Linear(4, 8), ReLU(), Dropout(0.1), Linear(8, 3));
        using var optimizer = torch.optim.AdamW(network.parameters(), 1e-2);
        using var generator = new Generator(1);
        var losses = new List<double>();
        long before = 0;
        for (var step = 0; step < 1001; step++)
        {
            if (step == 1)
            {
                // The first step made the states.
                before = LiveTensors.Settled();
            }

            using var scope = NewDisposeScope();
            var x = randn([16, 4], generator: generator);
            var target = x.narrow(1, 0, 3).argmax(1);
            optimizer.zero_grad();
            var loss = functional.cross_entropy(network.call(x), target);
            loss.backward();
            utils.clip_grad_norm_(network.parameters(), 1);
            optimizer.step();
            losses.Add(loss.ToDouble());
        }

        Assert.Equal(before, Tensor.TotalCount);
        Assert.True(losses.TakeLast(50).Average() < losses.Take(50).Average() / 2, "the network did not learn");
    }

    [Fact]
    public void A_failed_operator_leaves_no_tensor_behind()
    {
        using var a = zeros(2, 3);
        using var b = zeros(2, 3);
        var before = LiveTensors.Settled();

        for (var i = 0; i < 100; i++)
        {
            Assert.ThrowsAny<Exception>(() => a.mm(b));
            Assert.ThrowsAny<Exception>(() => cat([a, zeros_like(b).narrow(1, 0, 2)], 0));
        }

        Assert.Equal(before, LiveTensors.Settled());
    }

    [Fact]
    public void A_module_takes_its_tensors_with_it()
    {
        var before = LiveTensors.Settled();
        using (var network = Sequential(Conv2d(1, 2, 3), GroupNorm(1, 2), LayerNorm(4), Embedding(3, 2)))
        {
            Assert.Equal(before + 7, Tensor.TotalCount);
            using var optimizer = torch.optim.RMSProp(network.parameters());
            Assert.Equal(before + 7 + 21, Tensor.TotalCount);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Tensors_that_nobody_holds_are_collected()
    {
        var before = LiveTensors.Settled();
        Forget();

        var left = LiveTensors.Settled() - before;

        Assert.True(left <= 0, $"{left} tensors were left");

        static void Forget()
        {
            for (var i = 0; i < 50; i++)
            {
                _ = zeros(10) + 1;
            }
        }
    }
}
