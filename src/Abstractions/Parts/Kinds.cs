namespace Plumbline;

/// <summary>The kinds of part that this contract knows. A plugin may bring its own.</summary>
public static class Kinds
{
    /// <summary>What a stage names: a loop with its default parts.</summary>
    public const string Algorithm = "algorithm";

    /// <summary>The shape of a stage.</summary>
    public const string Loop = "loop";

    /// <summary>Batch of tensors to loss and metrics.</summary>
    public const string Objective = "objective";

    /// <summary>Rewards and the structure of a batch to advantages.</summary>
    public const string Advantage = "advantage";

    /// <summary>Scores of completions to rewards of tokens.</summary>
    public const string TokenReward = "token-reward";

    /// <summary>Completion to score.</summary>
    public const string Reward = "reward";

    /// <summary>Policy and prompts to completions.</summary>
    public const string Sampler = "sampler";

    /// <summary>A coefficient over time.</summary>
    public const string Controller = "controller";

    /// <summary>Two completions to the probability that the first is better.</summary>
    public const string Judge = "judge";

    /// <summary>Which prompts next, and how many completions each.</summary>
    public const string Scheduler = "scheduler";

    /// <summary>Which completions of a batch learn, and how much.</summary>
    public const string Filter = "filter";

    /// <summary>Rows of data to other rows.</summary>
    public const string Transform = "transform";

    /// <summary>What answers actions with observations and rewards.</summary>
    public const string Environment = "environment";

    /// <summary>Answers calls in the middle of an episode.</summary>
    public const string Tool = "tool";

    /// <summary>A problem and a policy to a tree of what could be done, and a choice.</summary>
    public const string Search = "search";

    /// <summary>A source of examples.</summary>
    public const string Data = "data";

    /// <summary>Text to tokens and back.</summary>
    public const string Tokenizer = "tokenizer";

    /// <summary>Builds, loads, saves and runs a network.</summary>
    public const string Model = "model";

    /// <summary>Measures a model between stages.</summary>
    public const string Evaluation = "evaluation";

    /// <summary>Sees each step; may log, diagnose or stop.</summary>
    public const string Observer = "observer";
}

/// <summary>On a contract type: the kind of the parts that implement it.</summary>
[AttributeUsage(AttributeTargets.Interface | AttributeTargets.Class)]
public sealed class KindAttribute(string kind) : Attribute
{
    /// <summary>The kind.</summary>
    public string Kind { get; } = kind;

    /// <summary>The kind of a contract type, read from it, its base types or its interfaces.</summary>
    /// <exception cref="ArgumentException"><paramref name="contract"/> carries no <see cref="KindAttribute"/>.</exception>
    public static string Of(Type contract)
    {
        ArgumentNullException.ThrowIfNull(contract);
        for (var type = contract; type is not null; type = type.BaseType)
        {
            if (Find(type) is { } kind)
            {
                return kind;
            }
        }

        return contract.GetInterfaces().Select(Find).FirstOrDefault(kind => kind is not null)
            ?? throw new ArgumentException($"{contract} is no contract of a part: it has no [Kind].", nameof(contract));

        static string? Find(Type type) => ((KindAttribute?)GetCustomAttribute(type, typeof(KindAttribute), inherit: false))?.Kind;
    }
}
