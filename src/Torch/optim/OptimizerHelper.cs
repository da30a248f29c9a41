using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What the optimisers share: groups of parameters, a state for each parameter, both to and from a stream.</summary>
public abstract class OptimizerHelper : optim.Optimizer
{
    private readonly Dictionary<Parameter, OptimizerState> _state = new(ReferenceEqualityComparer.Instance);
    private readonly OptimizerOptions _defaults;

    private protected OptimizerHelper(OptimizerOptions defaults, IEnumerable<ParamGroup> groups)
    {
        _defaults = defaults;
        defaults.InitialLearningRate = defaults.LearningRate ?? throw new ArgumentException("an optimiser needs a learning rate");
        defaults.Validate();
        foreach (var group in groups)
        {
            AddGroup(group);
        }
    }

    /// <inheritdoc/>
    public override void add_param_group(ParamGroup param_group) => AddGroup(param_group);

    /// <inheritdoc/>
    public override Tensor step(Func<Tensor>? closure = null)
    {
        Tensor? loss = null;
        if (closure is not null)
        {
            using var recorded = enable_grad();
            loss = closure();
        }

        using var scope = NewDisposeScope();
        using var still = no_grad();
        foreach (var group in _parameter_groups)
        {
            var ready = new List<Update>();
            foreach (var parameter in group.Parameters)
            {
                if (parameter.grad is { } gradient)
                {
                    ready.Add(new Update(parameter, gradient, _state[parameter]));
                }
            }

            Apply(ready, group.Options);
        }

        return loss!;
    }

    public virtual StateDictionary state_dict() => new(_parameter_groups.Select(group => group.Options), parameters().Select(parameter => _state[parameter]));

    /// <summary>Takes over options and copies of states.</summary>
    /// <exception cref="ArgumentException">The numbers of groups or parameters differ.</exception>
    public virtual void load_state_dict(StateDictionary state_dict)
    {
        ArgumentNullException.ThrowIfNull(state_dict);
        var own = this.state_dict();
        Match(own, state_dict.Options.Count, state_dict.State.Count);
        foreach (var (mine, given) in own.Options.Zip(state_dict.Options))
        {
            mine.LoadStateDict(given);
        }

        foreach (var (mine, given) in own.State.Zip(state_dict.State))
        {
            mine.LoadStateDict(given);
        }
    }

    public void save_state_dict(string location)
    {
        using var writer = new BinaryWriter(File.Create(location), Encoding.UTF8);
        save_state_dict(writer);
    }

    /// <summary>Writes the optimiser's name, options and states. The format is this engine's own.</summary>
    public void save_state_dict(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        var own = state_dict();
        writer.Write(GetType().Name);
        writer.Write(own.Options.Count);
        writer.Write(own.State.Count);
        own.Options.ForEach(options => options.SaveStateDict(writer));
        own.State.ForEach(state => state.SaveStateDict(writer));
    }

    public void load_state_dict(string location)
    {
        using var reader = new BinaryReader(File.OpenRead(location), Encoding.UTF8);
        load_state_dict(reader);
    }

    /// <summary>Reads what <see cref="save_state_dict(BinaryWriter)"/> wrote.</summary>
    /// <exception cref="InvalidDataException">It was another sort of optimiser.</exception>
    /// <exception cref="ArgumentException">The numbers of groups or parameters differ.</exception>
    public void load_state_dict(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        var name = reader.ReadString();
        if (name != GetType().Name)
        {
            throw new InvalidDataException($"this is the state of {name}, and the optimiser is {GetType().Name}");
        }

        var own = state_dict();
        Match(own, reader.ReadInt32(), reader.ReadInt32());
        own.Options.ForEach(options => options.LoadStateDict(reader));
        own.State.ForEach(state => state.LoadStateDict(reader));
    }

    public void to(Device device)
    {
        foreach (var state in _state.Values)
        {
            state.to(device);
        }
    }

    /// <summary>Updates parameters of one group in place, without recording.</summary>
    private protected abstract void Apply(IReadOnlyList<Update> ready, OptimizerOptions options);

    private protected abstract OptimizerState NewState(Parameter parameter);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        foreach (var state in _state.Values)
        {
            state.Free();
        }

        _state.Clear();
    }

    private void AddGroup(ParamGroup group)
    {
        ArgumentNullException.ThrowIfNull(group);
        group.Parameters = [.. group.Parameters];
        group.Options ??= _defaults.Empty();
        group.Options.Complete(_defaults);
        group.Options.Validate();
        _parameter_groups.Add(group);
        foreach (var parameter in group.Parameters)
        {
            var state = NewState(parameter);
            if (!_state.TryAdd(parameter, state))
            {
                throw new ArgumentException($"a parameter of shape [{string.Join(",", parameter.shape)}] is in the optimiser twice");
            }

            state.Initialize(group.Options);
        }
    }

    private static void Match(StateDictionary own, int options, int states)
    {
        if (options != own.Options.Count || states != own.State.Count)
        {
            throw new ArgumentException($"the state has {options} groups and {states} parameters, and the optimiser {own.Options.Count} and {own.State.Count}");
        }
    }

    /// <summary>A parameter, its gradient and its state.</summary>
    private protected readonly record struct Update(Parameter Parameter, Tensor Gradient, OptimizerState State);
}
