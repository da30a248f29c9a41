namespace Plumbline.Training;

/// <summary>Watches the metrics of every stage that trains for the known ways in which learning goes wrong without an error.</summary>
/// <remarks>
/// Each finding is told once a stage, with a name: <c>zero-gradient</c>, <c>clip-fraction</c>, <c>entropy-collapse</c>, <c>length-drift</c>. The loops and
/// the recorder tell <c>equal-rewards</c>, <c>not-finite</c> and <c>no-steps</c>. What may be meant so is a warning.
/// </remarks>
internal sealed class Diagnostics(DiagnosticsOptions options, IRecorder recorder)
{
    private const int FirstSteps = 5;
    private static readonly string[] ClipFractions = ["clip_fraction", "clip_ratio_region"];
    private static readonly string[] Entropies = ["entropy", "mean_entropy"];
    private readonly Dictionary<string, int> _lasting = [];
    private readonly Dictionary<string, Start> _starts = [];
    private readonly HashSet<string> _told = [];

    /// <summary>Looks at a step; a finding is told to the recorder and marked in the metrics as <c>diagnosis/name</c>.</summary>
    internal void See(int step, Dictionary<string, double> metrics)
    {
        ZeroGradient(step, metrics);
        ClipFraction(step, metrics);
        EntropyCollapse(step, metrics);
        LengthDrift(step, metrics);
    }

    private void ZeroGradient(int step, Dictionary<string, double> metrics)
    {
        if (options.ZeroGradient && metrics.TryGetValue("grad_norm", out var norm))
        {
            Judge("zero-gradient", norm == 0, warning: false, step, metrics, () =>
                $"the gradient was exactly zero at each of the last {options.Patience} steps, up to step {step}: nothing is learnt. Rewards that are all equal, an advantage of zero, a clip or a margin that holds everywhere, or a coefficient of 0 do this");
        }
    }

    private void ClipFraction(int step, Dictionary<string, double> metrics)
    {
        if (options.ClipFraction is { } most && Find(metrics, ClipFractions) is { } clipped)
        {
            Judge("clip-fraction", clipped.Value >= most, warning: true, step, metrics, () =>
                $"{clipped.Name} was at least {most} at each of the last {options.Patience} steps, up to step {step}: the clip stops nearly every token. Lower learning_rate or epochs_per_batch, or widen the clip");
        }
    }

    private void EntropyCollapse(int step, Dictionary<string, double> metrics)
    {
        if (options.EntropyCollapse is { } share && Find(metrics, Entropies) is { } entropy && Began(entropy.Name, entropy.Value) is { } start)
        {
            Judge("entropy-collapse", entropy.Value < share * start, warning: true, step, metrics, () =>
                $"{entropy.Name} has been below {share} of its first value of {start:G3} nats for {options.Patience} steps, up to step {step}: the policy says nearly always the same. If the task is not solved, lower learning_rate, raise the temperature or the clip's upper bound, or add an entropy bonus");
        }
    }

    private void LengthDrift(int step, Dictionary<string, double> metrics)
    {
        if (options.LengthDrift is { } factor && metrics.TryGetValue("completion_length", out var length) && Began("completion_length", length) is { } start && start > 0)
        {
            Judge("length-drift", length >= start * factor || length <= start / factor, warning: true, step, metrics, () =>
                $"completions have {length:G3} tokens on average, and had {start:G3} over the first steps; for {options.Patience} steps, up to step {step}, they have been {factor} times as {(length > start ? "long" : "short")}. Look at samples.jsonl: the reward may pay for length alone");
        }
    }

    /// <summary>The mean over the first steps, once they are over.</summary>
    private double? Began(string metric, double value)
    {
        var start = _starts.GetValueOrDefault(metric);
        if (start.Count < FirstSteps)
        {
            _starts[metric] = new(start.Sum + value, start.Count + 1);
            return null;
        }

        return start.Sum / start.Count;
    }

    private void Judge(string name, bool sign, bool warning, int step, Dictionary<string, double> metrics, Func<string> message)
    {
        _lasting[name] = sign ? _lasting.GetValueOrDefault(name) + 1 : 0;
        if (_lasting[name] < options.Patience)
        {
            return;
        }

        metrics["diagnosis/" + name] = 1;
        if (_told.Add(name))
        {
            recorder.Diagnose(new Diagnosis(name, message()) { Warning = warning });
        }
    }

    private static (string Name, double Value)? Find(Dictionary<string, double> metrics, string[] names)
    {
        foreach (var name in names)
        {
            if (metrics.TryGetValue(name, out var value))
            {
                return (name, value);
            }
        }

        return null;
    }

    private readonly record struct Start(double Sum, int Count);
}
