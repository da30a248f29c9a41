namespace Plumbline;

/// <summary>Marks a class as a part: something a manifest can name by kind and id.</summary>
/// <remarks>
/// Discovery reads these attributes from metadata, without loading the assembly, so their arguments must be constants.
/// A part takes its options record (if it has options) and any service as constructor parameters.
/// </remarks>
[AttributeUsage(AttributeTargets.Class, AllowMultiple = true, Inherited = false)]
public class PartAttribute(string kind, string id) : Attribute
{
    /// <summary>What the part does; one of <see cref="Kinds"/> or a plugin's own.</summary>
    public string Kind { get; } = kind;

    /// <summary>The name a manifest uses: lower case, words joined by hyphens; unique within its kind.</summary>
    public string Id { get; } = id;

    /// <summary>Where the part comes from, as an arXiv number; null where it is no paper's.</summary>
    public string? Paper { get; set; }

    /// <summary>The paper's title; null where it is no paper's.</summary>
    public string? Title { get; set; }
}

/// <summary>A method: what a manifest's stage names. It brings a loop and fills one of the loop's slots itself.</summary>
/// <remarks>
/// The class is also registered as a part of the kind of its slot, so that another stage can name it there.
/// <see cref="DefaultAttribute"/> gives the paper's defaults for the loop's other options.
/// </remarks>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AlgorithmAttribute(string id, string loop) : PartAttribute(Kinds.Algorithm, id)
{
    /// <summary>The id of the loop that runs the method.</summary>
    public string Loop { get; } = loop;

    /// <summary>The loop's slot that this class fills. Default: <c>objective</c>.</summary>
    public string Slot { get; set; } = Kinds.Objective;
}

/// <summary>A part whose kind is <see cref="Kinds.Loop"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class LoopAttribute(string id) : PartAttribute(Kinds.Loop, id);

/// <summary>A part whose kind is <see cref="Kinds.Objective"/>, where it is no whole method.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ObjectiveAttribute(string id) : PartAttribute(Kinds.Objective, id);

/// <summary>A part whose kind is <see cref="Kinds.Advantage"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class AdvantageAttribute(string id) : PartAttribute(Kinds.Advantage, id);

/// <summary>A part whose kind is <see cref="Kinds.TokenReward"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class TokenRewardAttribute(string id) : PartAttribute(Kinds.TokenReward, id);

/// <summary>A part whose kind is <see cref="Kinds.Reward"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class RewardAttribute(string id) : PartAttribute(Kinds.Reward, id);

/// <summary>A part whose kind is <see cref="Kinds.Sampler"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SamplerAttribute(string id) : PartAttribute(Kinds.Sampler, id);

/// <summary>A part whose kind is <see cref="Kinds.Controller"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ControllerAttribute(string id) : PartAttribute(Kinds.Controller, id);

/// <summary>A part whose kind is <see cref="Kinds.Data"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class DataAttribute(string id) : PartAttribute(Kinds.Data, id);

/// <summary>A part whose kind is <see cref="Kinds.Tokenizer"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class TokenizerAttribute(string id) : PartAttribute(Kinds.Tokenizer, id);

/// <summary>A part whose kind is <see cref="Kinds.Model"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ModelAttribute(string id) : PartAttribute(Kinds.Model, id);

/// <summary>A part whose kind is <see cref="Kinds.Evaluation"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class EvaluationAttribute(string id) : PartAttribute(Kinds.Evaluation, id);

/// <summary>A part whose kind is <see cref="Kinds.Observer"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ObserverAttribute(string id) : PartAttribute(Kinds.Observer, id);

/// <summary>A part whose kind is <see cref="Kinds.Judge"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class JudgeAttribute(string id) : PartAttribute(Kinds.Judge, id);

/// <summary>A part whose kind is <see cref="Kinds.Scheduler"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SchedulerAttribute(string id) : PartAttribute(Kinds.Scheduler, id);

/// <summary>A part whose kind is <see cref="Kinds.Filter"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class FilterAttribute(string id) : PartAttribute(Kinds.Filter, id);

/// <summary>A part whose kind is <see cref="Kinds.Transform"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class TransformAttribute(string id) : PartAttribute(Kinds.Transform, id);

/// <summary>A part whose kind is <see cref="Kinds.Environment"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class EnvironmentAttribute(string id) : PartAttribute(Kinds.Environment, id);

/// <summary>A part whose kind is <see cref="Kinds.Search"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class SearchAttribute(string id) : PartAttribute(Kinds.Search, id);

/// <summary>A part whose kind is <see cref="Kinds.Tool"/>.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ToolAttribute(string id) : PartAttribute(Kinds.Tool, id);
