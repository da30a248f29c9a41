namespace Plumbline.Tests;

/// <summary>How many tensors are alive once those that nobody holds are gone.</summary>
internal static class LiveTensors
{
    /// <summary>Collects the strays of earlier tests, so that a finalizer cannot change the count in the middle of a test; then counts.</summary>
    internal static long Settled()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
