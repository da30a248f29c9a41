using System.Runtime.InteropServices;

namespace Plumbline.Tests.Dispatch;

public class ErrorTests
{
    [Fact]
    public void An_error_names_the_operator_and_the_shapes()
    {
        using var scope = NewDisposeScope();
        var (a, b) = (zeros(2, 3), zeros(4, 5, dtype: ScalarType.Float32));

        Assert.StartsWith("mm(float32[2,3], float32[4,5]): ", Refusal(() => a.mm(b)), StringComparison.Ordinal);
        Assert.StartsWith("add(float32[2,3], float32[4,5]): ", Refusal(() => a + b), StringComparison.Ordinal);
        Assert.StartsWith("matmul(float32[2,3], float32[4,5]): ", Refusal(() => a.matmul(b)), StringComparison.Ordinal);
        Assert.StartsWith("cat([float32[2,3], float32[4,5]], 0): ", Refusal(() => cat([a, b])), StringComparison.Ordinal);
        Assert.StartsWith("reshape(float32[2,3], [7]): ", Refusal(() => a.reshape(7)), StringComparison.Ordinal);
        Assert.StartsWith("einsum(\"ij,kl->\", [float32[2,3]]", Refusal(() => einsum("ij,kl->", a)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_error_is_one_line_without_the_place_in_C()
    {
        using var scope = NewDisposeScope();

        var message = Refusal(() => zeros(2, 3).mm(zeros(2, 3)));

        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain("frame #", message, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception raised", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_disposed_tensor_says_what_happened_and_what_helps()
    {
        var tensor = zeros(1);
        tensor.Dispose();

        var refusal = Assert.Throws<ObjectDisposedException>(() => tensor + 1);

        Assert.Contains("MoveToOuterDisposeScope", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ObjectDisposedException>(() => zeros(1) + tensor);
        Assert.Throws<ObjectDisposedException>(() => cat([zeros(1), tensor]));
        Assert.Throws<ObjectDisposedException>(() => tensor.shape.Length);
        Assert.Throws<ObjectDisposedException>(() => tensor.backward());
    }

    [Fact]
    public void An_error_does_not_spoil_the_next_call()
    {
        using var scope = NewDisposeScope();
        Refusal(() => zeros(2, 3).mm(zeros(2, 3)));

        Assert.Equal([2L, 2L], zeros(2, 3).mm(zeros(3, 2)).shape);
    }

    [Fact]
    public void Errors_of_threads_do_not_mix()
    {
        Parallel.For(0, 64, i =>
        {
            using var scope = NewDisposeScope();
            Assert.StartsWith($"mm(float32[{i + 2},3], float32[2,3]): ", Refusal(() => zeros(i + 2, 3).mm(zeros(2, 3))), StringComparison.Ordinal);
        });
    }

    [Fact]
    public void A_list_of_many_results_comes_back_whole()
    {
        using var scope = NewDisposeScope();

        Assert.Equal(300, zeros(300, 1).unbind().Length);
        Assert.Equal(150, zeros(300).split(2).Length);
        Assert.Equal(100, zeros(300).chunk(100).Length);
        Assert.Equal([1L, 299L], zeros(300).split([1L, 299L]).Select(part => part.shape[0]));
        Assert.Equal([500L], cat([.. Enumerable.Range(0, 500).Select(_ => zeros(1))]).shape);
    }

    private static string Refusal(Func<Tensor> work) => Assert.ThrowsAny<ExternalException>(work).Message;
}
