using Plumbline.Training.Models;
using Plumbline.Training.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>What the options of every diffusion model begin with.</summary>
public abstract record DiffusionModelOptions : IEstimates
{
    /// <summary>The path from sample to noise, and what the network predicts.</summary>
    public NoiseProcessOptions Process { get; init; } = new();

    /// <summary>Classes that it can be asked for; 0: it takes no condition.</summary>
    [NonNegative]
    public int Classes { get; init; } = 4;

    /// <summary>A safetensors file to begin from, relative to the manifest; null: fresh weights from the run's seed.</summary>
    public string? Weights { get; init; }

    /// <summary>Keep the weights as they are and train low-rank adapters; null: train the weights. A stage <c>lora</c> does it later in a run.</summary>
    public LowRankAdapterOptions? Lora { get; init; }

    /// <inheritdoc/>
    public abstract Cost Estimate(IServiceProvider services);
}

/// <summary>A diffusion or flow model over one network, with what all of them share: conditions, adapters, frozen copies.</summary>
/// <remarks>A copy of an adapted model shares the weights that don't train, and has adapters of its own; where they change nothing it has none.</remarks>
public abstract class DiffusionModel : IDiffusionModel, IAdaptableModel
{
    private const string Adapters = "lora";
    private readonly Shared _shared;
    private readonly nn.Module _own;
    private LowRankAdapter? _adapter;

    /// <summary>A model with first weights, or those of the options' file.</summary>
    protected DiffusionModel(DenoisingNetwork network, IReadOnlyList<long> sampleShape, DiffusionModelOptions options, RunContext run)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        (_shared, _own, SampleShape, Process) = (new Shared(network), network, sampleShape, new NoiseProcess(options.Process));
        network.Initialize(run.Draws.Key("weights"));
        var path = options.Weights is { } file ? run.Resolve(file) : null;
        // A file of a model with adapters has theirs too; one without is what the adapters are put on.
        var adapted = options.Lora is not null && path is not null && SafeTensors.Names(path).Any(name => name.StartsWith(Adapters + ".", StringComparison.Ordinal));
        if (adapted)
        {
            Adapt(options.Lora!, run.Draws.Key(Adapters));
        }

        if (path is not null)
        {
            SafeTensors.LoadInto(path, network);
        }

        if (options.Lora is { } lora && !adapted)
        {
            Adapt(lora, run.Draws.Key(Adapters));
        }
    }

    private DiffusionModel(DiffusionModel other, Shared shared, LowRankAdapter? adapter, nn.Module own) =>
        (_shared, _own, _adapter, SampleShape, Process) = (shared, own, adapter, other.SampleShape, other.Process);

    /// <inheritdoc/>
    /// <remarks>Of a frozen copy that shares its weights: what is its own.</remarks>
    public nn.Module Network => _own;

    /// <inheritdoc/>
    public IReadOnlyList<long> SampleShape { get; }

    /// <inheritdoc/>
    public NoiseProcess Process { get; }

    /// <inheritdoc/>
    public int Classes => _shared.Network.Classes;

    /// <inheritdoc/>
    public bool IsAdapted => _adapter is not null;

    /// <inheritdoc/>
    public Tensor Predict(Tensor noisy, Tensor time, Tensor? condition, Tensor? unconditional = null)
    {
        ArgumentNullException.ThrowIfNull(noisy);
        ArgumentNullException.ThrowIfNull(time);
        if (!noisy.shape.AsSpan(1).SequenceEqual([.. SampleShape]) || time.dim() != 1 || time.shape[0] != noisy.shape[0])
        {
            throw new PlumblineException($"the model denoises samples of shape [{string.Join(',', SampleShape)}], with one time each, and was given samples [{string.Join(',', noisy.shape)}] and times [{string.Join(',', time.shape)}]");
        }

        return _shared.Network.Forward(noisy, time, ClassesOf(noisy, condition, unconditional), _adapter);
    }

    /// <inheritdoc/>
    public void Adapt(LowRankAdapterOptions options, Draws draws)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (_adapter is not null)
        {
            throw new PlumblineException("the model has adapters already");
        }

        _adapter = new LowRankAdapter(_shared.Network.Adaptable, options, draws);
        foreach (var parameter in _shared.Network.parameters())
        {
            parameter.requires_grad = false;
        }

        // Saved and trained with the network.
        _shared.Network.register_module(Adapters, _adapter);
    }

    /// <inheritdoc/>
    public void Merge()
    {
        if (_shared.Holders > 1)
        {
            throw new PlumblineException("a frozen copy shares the model's weights, so the adapters can't be merged into them; merge before a reference is taken");
        }

        (_adapter ?? throw new PlumblineException("the model has no adapters to merge")).Merge();
    }

    /// <inheritdoc/>
    public IModel Freeze()
    {
        if (_adapter is null && IsShared)
        {
            return new Frozen(this, _shared.Again(), null, new Nothing());
        }

        if (_adapter is not null)
        {
            var own = _adapter.IsOff ? null : _adapter.Frozen();
            return new Frozen(this, _shared.Again(), own, (nn.Module?)own ?? new Nothing());
        }

        var copy = _shared.Network.Fresh();
        copy.load_state_dict(_shared.Network.state_dict());
        copy.eval();
        foreach (var parameter in copy.parameters())
        {
            parameter.requires_grad = false;
        }

        return new Frozen(this, new Shared(copy), null, copy);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!ReferenceEquals(_own, _shared.Network))
        {
            _own.Dispose();
        }

        _shared.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A frozen copy without weights of its own.</summary>
    private bool IsShared => !ReferenceEquals(_own, _shared.Network);

    private Tensor? ClassesOf(Tensor noisy, Tensor? condition, Tensor? unconditional)
    {
        if (Classes == 0)
        {
            return condition is null ? null : throw new PlumblineException("the model takes no condition, and was given one; set its classes");
        }

        if (condition is null)
        {
            return full(noisy.shape[0], (long)Classes, ScalarType.Int64, noisy.device);
        }

        if (condition.dtype != ScalarType.Int64 || condition.dim() != 1 || condition.shape[0] != noisy.shape[0])
        {
            throw new PlumblineException($"the model takes a class a row, [{noisy.shape[0]}] int64, as its condition, and was given {condition.dtype} [{string.Join(',', condition.shape)}]");
        }

        return unconditional is null ? condition : where(unconditional, full_like(condition, Classes), condition);
    }

    /// <summary>A copy that doesn't train.</summary>
    private sealed class Frozen(DiffusionModel other, Shared shared, LowRankAdapter? adapter, nn.Module own) : DiffusionModel(other, shared, adapter, own);

    /// <summary>The module of a copy that has no weights of its own.</summary>
    private sealed class Nothing() : nn.Module(nameof(Nothing));

    /// <summary>A network that several models run; the last one disposes of it.</summary>
    private sealed class Shared(DenoisingNetwork network) : IDisposable
    {
        internal DenoisingNetwork Network { get; } = network;

        internal int Holders { get; private set; } = 1;

        internal Shared Again()
        {
            Holders++;
            return this;
        }

        public void Dispose()
        {
            if (--Holders == 0)
            {
                Network.Dispose();
            }
        }
    }
}
