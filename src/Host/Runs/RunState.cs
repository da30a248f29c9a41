namespace Plumbline.Host.Runs;

/// <summary>What the supervisor knows of a run from its events: enough to say what was in hand when the worker died.</summary>
internal sealed class RunState
{
    private readonly List<double> _seconds = [];

    /// <summary>The run's name and folder; null before they are made.</summary>
    internal Opened? Run { get; private set; }

    /// <summary>The stage under way; null before the first.</summary>
    internal StageBegan? Stage { get; private set; }

    /// <summary>Steps the stage has finished.</summary>
    internal int Done { get; private set; }

    /// <summary>The worker's own last words.</summary>
    internal Ended? End { get; private set; }

    /// <summary>Why the worker refused; null where it did not.</summary>
    internal Refused? Refusal { get; private set; }

    /// <summary>What is in hand.</summary>
    internal InHand? Hand { get; private set; }

    /// <summary>What was measured so far.</summary>
    internal List<Evaluated> Evaluations { get; } = [];

    /// <summary>The samples of the last measurement.</summary>
    internal List<Sampled> Samples { get; } = [];

    /// <summary>Plugin, phase and step in hand, in words.</summary>
    internal string InWords
    {
        get
        {
            var part = Hand is null ? "nothing yet: it was starting" : $"{Hand.Part}{(Hand.Plugin is { } plugin ? $" of plugin '{plugin}'" : string.Empty)}, phase '{Hand.Phase}'";
            return Stage is null ? part : $"{part}, stage '{Stage.Name}', step {Done} of {Stage.Steps}";
        }
    }

    /// <summary>How long a silence is too long: many times the median step, and never less than <paramref name="least"/>.</summary>
    internal TimeSpan Patience(TimeSpan least)
    {
        if (_seconds.Count < 5)
        {
            return TimeSpan.FromTicks(least.Ticks * 4);
        }

        var sorted = _seconds.Order().ToArray();
        return TimeSpan.FromSeconds(Math.Max(least.TotalSeconds, 200 * sorted[sorted.Length / 2]));
    }

    internal void See(RunEvent @event)
    {
        switch (@event)
        {
            case Opened opened:
                Run = opened;
                break;
            case StageBegan stage:
                (Stage, Done) = (stage, 0);
                _seconds.Clear();
                break;
            case InHand hand:
                Hand = hand;
                break;
            case StepDone step:
                Done = step.Step + 1;
                _seconds.Add(step.Seconds);
                break;
            case Evaluated evaluated:
                Evaluations.Add(evaluated);
                break;
            case Sampled { Sample: var sample } sampled when sample.ContainsKey("evaluation"):
                var after = (string?)sample["stage"];
                Samples.RemoveAll(before => (string?)before.Sample["stage"] != after);
                Samples.Add(sampled);
                break;
            case Refused refused:
                Refusal = refused;
                break;
            case Ended ended:
                End = ended;
                break;
        }
    }
}
