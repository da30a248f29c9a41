namespace Plumbline.Tests.Tensors;

public class DeviceTests
{
    [Theory]
    [InlineData("cpu", DeviceType.CPU, -1, "cpu")]
    [InlineData("cuda", DeviceType.CUDA, -1, "cuda")]
    [InlineData("cuda:1", DeviceType.CUDA, 1, "cuda:1")]
    [InlineData("meta", DeviceType.META, -1, "meta")]
    public void Names_are_read_and_written(string name, DeviceType type, int index, string written)
    {
        var read = device(name);

        Assert.Equal((type, index, written), (read.type, read.index, read.ToString()));
    }

    [Theory]
    [InlineData("gpu")]
    [InlineData("cuda:x")]
    [InlineData("cuda:1:2")]
    public void A_name_that_is_none_is_refused(string name) =>
        Assert.Contains(name, Assert.Throws<ArgumentException>(() => device(name)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_device_is_made_in_many_ways()
    {
        Device text = "cuda:2";

        Assert.Equal(
            ["cuda:2", "cuda:2", "cuda:2", "cuda:2", "cpu", "cuda"],
            new[] { text, device("cuda", 2), device(DeviceType.CUDA, 2), device(2), CPU, CUDA }.Select(made => made.ToString()));
    }

    [Fact]
    public void A_tensor_without_memory_has_a_shape_only()
    {
        using var scope = NewDisposeScope();

        var x = zeros(2, 3, device: META).matmul(zeros(3, 5, device: META));

        Assert.Equal([2L, 5L], x.shape);
        Assert.Equal(DeviceType.META, x.device_type);
        Assert.ThrowsAny<Exception>(() => x.sum().ToDouble());
    }

    [Fact]
    public void Without_a_GPU_there_is_no_cuda_device() => Assert.Equal(cuda.is_available(), cuda.device_count() > 0);

    [Fact]
    public void The_number_of_threads_can_be_set()
    {
        var before = get_num_threads();
        try
        {
            set_num_threads(1);
            Assert.Equal(1, get_num_threads());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void One_thread_and_several_compute_the_same()
    {
        using var scope = NewDisposeScope();
        var before = get_num_threads();
        var x = Plumbline.Tests.Engine.FusedKernelTests.Numbers(1, 4, 2, 70, 8).@float();
        try
        {
            set_num_threads(1);
            var alone = Plumbline.Engine.FusedKernels.CausalAttention(x, x, x);
            set_num_threads(2);
            var together = Plumbline.Engine.FusedKernels.CausalAttention(x, x, x);
            Assert.Equal(Same.Values(alone), Same.Values(together));
        }
        finally
        {
            set_num_threads(before);
        }
    }
}
