namespace Plumbline.Training;

/// <summary>The rule that turns gradients into updates.</summary>
public enum OptimizerKind
{
    /// <summary>Adam with decoupled weight decay (arXiv 1711.05101).</summary>
    Adamw,

    /// <summary>Adam (arXiv 1412.6980); weight decay is added to the gradient.</summary>
    Adam,

    /// <summary>Stochastic gradient descent.</summary>
    Sgd,

    /// <summary>RMSprop, as the DPO authors use it.</summary>
    Rmsprop,
}

/// <summary>How the learning rate goes on after the warm-up.</summary>
public enum ScheduleKind
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>It falls in a line to zero, reached after the last step.</summary>
    Linear,

    /// <summary>It falls in half a cosine to zero, reached after the last step.</summary>
    Cosine,
}

/// <summary>What to do with an example longer than the longest sequence.</summary>
public enum OverlongPolicy
{
    /// <summary>End the run; the message names the row.</summary>
    Refuse,

    /// <summary>Leave the example out; the log says how many were.</summary>
    Drop,

    /// <summary>Keep the prompt's beginning-of-sequence token and its last tokens; an answer that is too long by itself leaves the example out.</summary>
    TruncatePrompt,
}

/// <summary>A coefficient of the objective and what steers it.</summary>
public sealed record SteeredCoefficient
{
    /// <summary>The coefficient, by the name of the option that gives it its value.</summary>
    public required string Of { get; init; }

    /// <summary>What steers it.</summary>
    public required Part<IController> By { get; init; }
}

/// <summary>Options of every loop that trains by gradient steps.</summary>
public abstract record TrainingOptions : StageOptions, IEstimates
{
    /// <summary>What steers the objective's coefficients.</summary>
    public IReadOnlyList<SteeredCoefficient> Controllers { get; init; } = [];

    /// <summary>Steps of the stage.</summary>
    [NonNegative]
    public int Steps { get; init; } = 100;

    /// <summary>Peak learning rate.</summary>
    [Positive]
    public double LearningRate { get; init; } = 3e-4;

    /// <summary>The rule that turns gradients into updates.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.Adamw;

    /// <summary>Decay of the gradient's running mean (Adam, AdamW).</summary>
    [Interval(0, 1, BelowTo = true)]
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the squared gradient's running mean (Adam, AdamW).</summary>
    [Interval(0, 1, BelowTo = true)]
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the root of the squared gradient's running mean (Adam, AdamW): gradients well below it hardly move the weights.</summary>
    [Positive]
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Weight decay.</summary>
    [NonNegative]
    public double WeightDecay { get; init; }

    /// <summary>Gradients are scaled down to this norm; null leaves them.</summary>
    [Positive]
    public double? MaxGradNorm { get; init; } = 1.0;

    /// <summary>Steps over which the learning rate rises in a line from zero.</summary>
    [NonNegative]
    public int WarmupSteps { get; init; }

    /// <summary>How the learning rate goes on after the warm-up.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Constant;

    /// <summary>What is watched for at every step; null: nothing.</summary>
    public DiagnosticsOptions? Diagnostics { get; init; } = new();

    /// <summary>Optimiser updates that a step makes.</summary>
    internal virtual int UpdatesPerStep => 1;

    /// <inheritdoc/>
    public abstract Cost Estimate(IServiceProvider services);

    /// <summary>1 where the objective or a term reads a frozen reference, else 0.</summary>
    protected internal static int ReferenceCopies<T>(IServiceProvider services, Part<T> objective, IReadOnlyList<Part<T>> terms)
        where T : class, IObjective => terms.Prepend(objective).Any(part => (part.Create(services).Needs & PairScorer.OfReference) != 0) ? 1 : 0;
}

/// <summary>Options of every loop that trains by gradient steps on text.</summary>
public abstract record TextTrainingOptions : TrainingOptions
{
    /// <summary>Where the examples come from.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>What turns the examples into others before the stage begins, in order.</summary>
    public IReadOnlyList<Part<ITransform>> Transforms { get; init; } = [];

    /// <summary>Longest sequence in tokens, prompt and answer together; null: the model's context.</summary>
    [Positive]
    public int? MaxLength { get; init; }

    /// <summary>What to do with an example longer than that.</summary>
    public OverlongPolicy Overlong { get; init; } = OverlongPolicy.Refuse;

    /// <summary>The rows to learn from, after the transforms.</summary>
    public IReadOnlyList<Example> Rows(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        stage.Recorder.InHand(Kinds.Data + " " + Data.Id, "loading");
        return Examples.Transformed(Data.Create(stage.Services).Load(stage.Run).Train, Transforms, stage, cancel);
    }
}
