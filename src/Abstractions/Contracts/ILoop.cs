namespace Plumbline;

/// <summary>The shape of a stage. A loop takes its options record and a <see cref="StageContext"/> as constructor parameters.</summary>
[Kind(Kinds.Loop)]
public interface ILoop
{
    /// <summary>Runs the stage. A cancelled loop returns at the next step boundary, with everything written.</summary>
    void Run(CancellationToken cancel);
}

/// <summary>What the options of every loop begin with.</summary>
public abstract record StageOptions
{
    /// <summary>The stage's name in logs and files. Default: the id it uses.</summary>
    public string? Name { get; init; }

    /// <summary>What watches the stage's steps; may log, diagnose or end the stage.</summary>
    public IReadOnlyList<Part<IObserver>> Observers { get; init; } = [];
}

/// <summary>Measures the policy at a run's start and after each stage.</summary>
[Kind(Kinds.Evaluation)]
public interface IEvaluation
{
    /// <summary>Named results; the same policy gives the same numbers.</summary>
    IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel);
}

/// <summary>Sees each step of a stage; may measure, log, diagnose or stop.</summary>
/// <remarks>One that looks at the models takes the <see cref="StageContext"/> in its constructor.</remarks>
[Kind(Kinds.Observer)]
public interface IObserver
{
    /// <summary>Before the first step.</summary>
    /// <param name="steps">Steps the stage plans.</param>
    /// <param name="recorder">Takes what it has to tell.</param>
    void OnBegin(int steps, IRecorder recorder)
    {
    }

    /// <summary>Numbers of its own to log with a step, asked for after the step's update and before the step is recorded.</summary>
    IReadOnlyDictionary<string, double> Measure(int step) => new Dictionary<string, double>();

    /// <summary>After each step is recorded. Return false to end the stage at this boundary.</summary>
    bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder);

    /// <summary>After the last step.</summary>
    void OnEnd(int steps, IRecorder recorder)
    {
    }
}
