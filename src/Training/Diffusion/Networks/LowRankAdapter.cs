using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Options of low-rank adapters (LoRA, arXiv 2106.09685).</summary>
public sealed record LowRankAdapterOptions
{
    /// <summary>Rank of the change of each weight.</summary>
    [Positive]
    public int Rank { get; init; } = 4;

    /// <summary>The change is scaled by alpha/rank; null: alpha is the rank.</summary>
    [Positive]
    public double? Alpha { get; init; }

    internal double Scale => (Alpha ?? Rank) / Rank;
}

/// <summary>Low-rank changes of a network's layers, a pair of factors each.</summary>
public sealed class LowRankAdapter : nn.Module
{
    private readonly Dictionary<Dense, (Parameter A, Parameter B)> _factors = new(ReferenceEqualityComparer.Instance);
    private readonly LowRankAdapterOptions _options;
    private readonly IReadOnlyList<(string Name, Dense Layer)> _layers;

    /// <summary>Adapters that change nothing yet: A Kaiming-uniform, B zero.</summary>
    /// <exception cref="PlumblineException">There is no layer to adapt.</exception>
    internal LowRankAdapter(IReadOnlyList<(string Name, Dense Layer)> layers, LowRankAdapterOptions options, Draws draws)
        : this(layers, options)
    {
        foreach (var (name, layer) in layers)
        {
            var (a, _) = _factors[layer];
            NetworkWeights.Uniform(a, 1 / Math.Sqrt(a.shape[1]), draws.Key(name));
        }
    }

    private LowRankAdapter(IReadOnlyList<(string Name, Dense Layer)> layers, LowRankAdapterOptions options)
        : base(nameof(LowRankAdapter))
    {
        (_layers, _options) = (layers.Count > 0 ? layers : throw new PlumblineException("this model has no layer that an adapter is for"), options);
        foreach (var (name, layer) in layers)
        {
            var weight = layer.Weight;
            _factors[layer] = (
                NetworkWeights.New(this, name + ".a", [options.Rank, weight.shape[1]], weight.device, weight.dtype),
                NetworkWeights.New(this, name + ".b", [weight.shape[0], options.Rank], weight.device, weight.dtype));
        }
    }

    /// <summary>Whether it changes nothing: every B is zero.</summary>
    public bool IsOff => _factors.Values.All(factors => factors.B.count_nonzero().ToInt64() == 0);

    /// <summary>What it adds to a layer's output; null where the layer is none of its own.</summary>
    internal Tensor? Change(Dense layer, Tensor x) => _factors.TryGetValue(layer, out var factors) ? LowRank.Change(x, factors.A, factors.B, _options.Scale) : null;

    /// <summary>A frozen copy for the same layers.</summary>
    internal LowRankAdapter Frozen()
    {
        var copy = new LowRankAdapter(_layers, _options);
        copy.load_state_dict(state_dict());
        foreach (var parameter in copy.parameters())
        {
            parameter.requires_grad = false;
        }

        return copy;
    }

    /// <summary>Adds the changes to the layers' own weights and begins anew at no change: the network does what it did.</summary>
    internal void Merge()
    {
        using var still = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (layer, (a, b)) in _factors)
        {
            layer.Weight.copy_(LowRank.Merged(layer.Weight, a, b, _options.Scale));
            b.zero_();
        }
    }
}
