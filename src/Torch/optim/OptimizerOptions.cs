namespace TorchSharp.Modules;

/// <summary>The numbers that steer a group of parameters; null takes the optimiser's.</summary>
public class OptimizerOptions
{
    public double? LearningRate { get; set; }

    public double InitialLearningRate { get; set; }

    /// <summary>The other numbers, truth values as 0 and 1.</summary>
    internal virtual double?[] Numbers { get; set; } = [];

    public virtual void SaveStateDict(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        foreach (var number in (double?[])[InitialLearningRate, LearningRate, .. Numbers])
        {
            writer.Write(number ?? throw new InvalidOperationException("options that belong to no optimiser have no state"));
        }
    }

    public virtual void LoadStateDict(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        (InitialLearningRate, LearningRate) = (reader.ReadDouble(), reader.ReadDouble());
        Numbers = [.. Numbers.Select(_ => (double?)reader.ReadDouble())];
    }

    public virtual void LoadStateDict(OptimizerOptions source)
    {
        ArgumentNullException.ThrowIfNull(source);
        (InitialLearningRate, LearningRate, Numbers) = (source.InitialLearningRate, source.LearningRate, source.Numbers);
    }

    internal virtual OptimizerOptions Empty() => new();

    internal virtual void Validate()
    {
    }

    internal void Complete(OptimizerOptions defaults)
    {
        LearningRate ??= defaults.LearningRate;
        InitialLearningRate = LearningRate!.Value;
        Numbers = [.. Numbers.Zip(defaults.Numbers, (own, given) => own ?? given)];
    }

    internal static double? Number(bool? value) => value is { } given ? (given ? 1 : 0) : null;

    internal static bool? Truth(double? value) => value is { } given ? given != 0 : null;

    internal static void AtLeastZero(double? value, string name)
    {
        if (value is < 0 or double.NaN)
        {
            throw new ArgumentException($"{name} must not be negative, and it is {value}");
        }
    }
}

/// <summary>Parameters that are trained alike.</summary>
public class ParamGroup : torch.optim.ILearningRateController
{
    public IEnumerable<Parameter> Parameters { get; set; } = [];

    public OptimizerOptions Options { get; set; } = null!;

    public double LearningRate
    {
        get => Options.LearningRate!.Value;
        set => Options.LearningRate = value;
    }

    public double InitialLearningRate
    {
        get => Options.InitialLearningRate;
        set => Options.InitialLearningRate = value;
    }
}

/// <summary>Parameters that are trained alike, with one optimiser's sort of options.</summary>
public class ParamGroup<TOptions> : ParamGroup
    where TOptions : OptimizerOptions
{
    public ParamGroup()
    {
    }

    public ParamGroup(IEnumerable<Parameter> parameters, TOptions? options = null) => (Parameters, base.Options) = (parameters, options!);

    public new TOptions Options
    {
        get => (TOptions)base.Options;
        set => base.Options = value;
    }
}
