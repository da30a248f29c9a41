using System.Text.Json.Nodes;

namespace Plumbline;

/// <summary>Takes what a stage has to tell; writes the run's files.</summary>
public interface IRecorder
{
    /// <summary>Says how many steps the stage plans.</summary>
    void Begin(int steps);

    /// <summary>Says what is in hand, so that a crash can be told from where it came.</summary>
    /// <param name="part">Kind and id, such as <c>reward exact-answer</c>.</param>
    /// <param name="phase">Such as <c>sampling</c>.</param>
    void InHand(string part, string phase);

    /// <summary>Records a finished step: one line of metrics.jsonl.</summary>
    /// <param name="step">From 0.</param>
    /// <param name="metrics">Named numbers; a non-finite loss ends the run.</param>
    /// <param name="tokens">Tokens worked on, for the rate; kept out of the metrics.</param>
    void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens);

    /// <summary>Records a sample: one line of samples.jsonl.</summary>
    void Sample(JsonObject sample);

    /// <summary>Records that something is wrong that is no error: it is shown, kept, and the exit code is not zero unless it is a warning.</summary>
    void Diagnose(Diagnosis diagnosis);
}

/// <summary>A named finding about a run.</summary>
/// <param name="Name">Such as <c>equal-rewards</c>.</param>
/// <param name="Message">What was seen and what to try.</param>
public sealed record Diagnosis(string Name, string Message)
{
    /// <summary>It may be meant so: it is shown and kept, and leaves the exit code as it is.</summary>
    public bool Warning { get; init; }
}
