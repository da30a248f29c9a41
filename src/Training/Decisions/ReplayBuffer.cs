using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>The last transitions, as many as it holds; the oldest give way.</summary>
/// <param name="capacity">How many.</param>
/// <param name="width">Numbers of an observation.</param>
internal sealed class ReplayBuffer(int capacity, int width)
{
    private readonly double[] _before = new double[capacity * width];
    private readonly double[] _after = new double[capacity * width];
    private readonly double[] _stocks = new double[capacity];
    private readonly double[] _rewards = new double[capacity];
    private readonly double[] _terminals = new double[capacity];
    private readonly long[] _actions = new long[capacity];
    private int _next;

    /// <summary>Transitions kept.</summary>
    internal int Count { get; private set; }

    /// <summary>Keeps one more.</summary>
    internal void Add(ReadOnlySpan<double> before, double stock, long action, double reward, ReadOnlySpan<double> after, bool terminal)
    {
        before.CopyTo(_before.AsSpan(_next * width));
        after.CopyTo(_after.AsSpan(_next * width));
        (_stocks[_next], _actions[_next], _rewards[_next], _terminals[_next]) = (stock, action, reward, terminal ? 1 : 0);
        _next = (_next + 1) % capacity;
        Count = Math.Min(Count + 1, capacity);
    }

    /// <summary>Transitions drawn at random, each with the same chance and perhaps twice.</summary>
    internal Sample Draw(int rows, Draws draws, Device device, ScalarType dtype)
    {
        int[] places = [.. Enumerable.Range(0, rows).Select(row => draws.Key(row).Below(Count))];
        return new Sample(
            Wide(_before), Numbers(_stocks), tensor(places.Select(place => _actions[place]).ToArray(), device: device), Numbers(_rewards), Wide(_after), Numbers(_terminals));

        Tensor Numbers(double[] of) => tensor(places.Select(place => of[place]).ToArray(), dtype, device: device);

        Tensor Wide(double[] of)
        {
            var values = new double[rows * width];
            for (var row = 0; row < rows; row++)
            {
                of.AsSpan(places[row] * width, width).CopyTo(values.AsSpan(row * width));
            }

            return tensor(values, [rows, width], dtype, device: device);
        }
    }

    /// <summary>Transitions as tensors.</summary>
    /// <param name="Observations">[N,D].</param>
    /// <param name="Stocks">[N] before.</param>
    /// <param name="Actions">[N] int64.</param>
    /// <param name="Rewards">[N].</param>
    /// <param name="NextObservations">[N,D].</param>
    /// <param name="Terminals">[N] 1 or 0.</param>
    internal sealed record Sample(Tensor Observations, Tensor Stocks, Tensor Actions, Tensor Rewards, Tensor NextObservations, Tensor Terminals);
}
