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

/// <summary>Sees each step of a stage; may log, diagnose or stop.</summary>
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

    /// <summary>After each step, before it is recorded. Return false to end the stage at this boundary.</summary>
    bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder);

    /// <summary>What it has measured at the last step; logged with the step.</summary>
    IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double>();

    /// <summary>After the last step.</summary>
    void OnEnd(int steps, IRecorder recorder)
    {
    }
}
