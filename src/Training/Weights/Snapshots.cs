using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Weights;

/// <summary>Copies of a network's weights in memory, by the number of the measurement they belong to.</summary>
public sealed class Snapshots(nn.Module network) : IDisposable
{
    private readonly SortedDictionary<int, Dictionary<string, Tensor>> _taken = [];

    /// <summary>The numbers at hand, ascending.</summary>
    public IReadOnlyCollection<int> Numbers => _taken.Keys;

    /// <summary>Copies the weights as they are now.</summary>
    public void Take(int number)
    {
        using var still = no_grad();
        Drop(number);
        _taken[number] = network.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone().DetachFromDisposeScope());
    }

    /// <summary>Gives the network the weights of a number.</summary>
    /// <exception cref="PlumblineException">There are none of this number.</exception>
    public void Restore(int number)
    {
        using var still = no_grad();
        network.load_state_dict(_taken.GetValueOrDefault(number)
            ?? throw new PlumblineException($"there is no snapshot {number} of the weights; there are {string.Join(", ", _taken.Keys)}"));
    }

    /// <summary>Forgets the snapshots before a number.</summary>
    public void ForgetBefore(int number)
    {
        foreach (var old in _taken.Keys.Where(taken => taken < number).ToArray())
        {
            Drop(old);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var number in _taken.Keys.ToArray())
        {
            Drop(number);
        }
    }

    private void Drop(int number)
    {
        if (_taken.Remove(number, out var weights))
        {
            foreach (var tensor in weights.Values)
            {
                tensor.Dispose();
            }
        }
    }
}
