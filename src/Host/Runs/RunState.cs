using System.Diagnostics;

namespace Plumbline.Host.Runs;

/// <summary>What the supervisor knows of a run from its events: enough to say what was in hand when the worker died.</summary>
internal sealed class RunState
{
    // As many as tell the pace of a stage; those before are forgotten.
    private const int StepsKept = 1000;
    private readonly Lock _turn = new();
    private readonly Queue<double> _seconds = new();
    private long _handSince = Stopwatch.GetTimestamp();

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

    /// <summary>How long what is in hand has been there, where it is one call that a manifest may limit; else no time.</summary>
    internal TimeSpan CallTook => Hand?.Part.Split(' ', 2)[0] is Kinds.Reward or Kinds.Judge ? Stopwatch.GetElapsedTime(Volatile.Read(ref _handSince)) : TimeSpan.Zero;

    /// <summary>What the saved weights hold; null where none are saved.</summary>
    internal Saved? Weights { get; private set; }

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
            return HandsStage is { } stage ? $"{part}, stage '{stage.Name}', step {Done} of {stage.Steps}"
                : StageInHand is { } name ? $"{part}, stage '{name}', before its first step"
                : part;
        }
    }

    /// <summary>The name of the stage that what is in hand belongs to; null before the first.</summary>
    internal string? StageInHand => Hand is { StageIndex: < 0 } ? null : Hand?.Stage;

    /// <summary>Steps that stage has finished; null before the first stage.</summary>
    internal int? StepInHand => StageInHand is null ? null : HandsStage is null ? 0 : Done;

    /// <summary>The stage in hand, where it has said how many steps it plans.</summary>
    private StageBegan? HandsStage => Stage is { } stage && Hand?.StageIndex == stage.Index ? stage : null;

    /// <summary>How long a silence is too long: many times the median step, and never less than <paramref name="least"/>.</summary>
    /// <remarks>May be asked while events come in.</remarks>
    internal TimeSpan Patience(TimeSpan least)
    {
        double[] sorted;
        lock (_turn)
        {
            sorted = [.. _seconds.Order()];
        }

        return sorted.Length < 5 ? least * 4 : TimeSpan.FromSeconds(Math.Max(least.TotalSeconds, 200 * sorted[sorted.Length / 2]));
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
                lock (_turn)
                {
                    _seconds.Clear();
                }

                break;
            case InHand hand:
                if (Hand is null || (Hand.Part, Hand.Phase, Hand.StageIndex) != (hand.Part, hand.Phase, hand.StageIndex))
                {
                    Volatile.Write(ref _handSince, Stopwatch.GetTimestamp());
                }

                Hand = hand;
                break;
            case StepDone step:
                Done = step.Step + 1;
                Volatile.Write(ref _handSince, Stopwatch.GetTimestamp());
                lock (_turn)
                {
                    _seconds.Enqueue(step.Seconds);
                    if (_seconds.Count > StepsKept)
                    {
                        _seconds.Dequeue();
                    }
                }

                break;
            case Saved saved:
                Weights = saved;
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
