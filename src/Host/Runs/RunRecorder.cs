using System.Diagnostics;
using System.Text.Json.Nodes;
using Plumbline.Host.Plugins;

namespace Plumbline.Host.Runs;

/// <summary>Writes what a run tells to its folder, and tells the supervisor.</summary>
internal sealed class RunRecorder(RunFolder folder, EventWriter events, PluginCatalog catalog) : IRecorder
{
    /// <summary>The same work told again is a sign of life; more often than this it would only be noise.</summary>
    private static readonly TimeSpan SignOfLife = TimeSpan.FromSeconds(1);
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly HashSet<string> _notFinite = new(StringComparer.Ordinal);
    private readonly List<Diagnosis> _diagnoses = [];
    private (string Part, string Phase, int Stage) _hand;
    private TimeSpan _handTold;
    private TimeSpan _stepBegan;
    private readonly Dictionary<string, double> _phases = new(StringComparer.Ordinal);
    private string? _phase;
    private TimeSpan _phaseBegan;

    /// <summary>What was found to be wrong.</summary>
    internal IReadOnlyList<Diagnosis> Diagnoses => _diagnoses;

    /// <summary>The stage's place; -1 before the first.</summary>
    internal int Stage { get; private set; } = -1;

    /// <summary>Steps the stage plans; null where it has not said.</summary>
    internal int? Planned { get; private set; }

    /// <summary>Steps the stage has done.</summary>
    internal int Done { get; private set; }

    /// <summary>What is in hand, for the message of an error.</summary>
    internal string Hand => _hand.Part is null ? "the start of the run" : $"{_hand.Part}{(PluginOf(_hand.Part) is { } plugin ? $" (plugin {plugin})" : string.Empty)}, {_hand.Phase}";

    /// <summary>What is done after each step, when it is recorded.</summary>
    internal Action? AfterStep { get; set; }

    /// <summary>A new stage begins.</summary>
    internal void Enter(int stage, string name)
    {
        (Stage, Name, Planned, Done) = (stage, name, null, 0);
        _stepBegan = _clock.Elapsed;
    }

    /// <summary>The stage's name.</summary>
    internal string Name { get; private set; } = "start";

    /// <inheritdoc/>
    public void Begin(int steps)
    {
        Planned = steps;
        _stepBegan = _phaseBegan = _clock.Elapsed;
        _phases.Clear();
        events.Send(new StageBegan(Stage, Name, steps));
    }

    /// <inheritdoc/>
    public void InHand(string part, string phase)
    {
        EndPhase(_clock.Elapsed);
        _phase = phase;
        if (_hand != (part, phase, Stage) || _clock.Elapsed - _handTold > SignOfLife)
        {
            (_hand, _handTold) = ((part, phase, Stage), _clock.Elapsed);
            events.Send(new InHand(part, PluginOf(part), phase, Stage, Name));
        }
    }

    /// <inheritdoc/>
    public void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens)
    {
        var line = new JsonObject { ["stage"] = Name, ["stage_index"] = Stage, ["step"] = step };
        var finite = new Dictionary<string, double>();
        foreach (var (name, value) in metrics)
        {
            line[name] = double.IsFinite(value) ? value : null;
            if (double.IsFinite(value))
            {
                finite[name] = value;
            }
            else if (name == "loss")
            {
                throw new PlumblineException($"the loss is {value} at step {step} of stage '{Name}'; try a lower learning_rate");
            }
            else if (_notFinite.Add(name))
            {
                Diagnose(new Diagnosis("not-finite", $"the metric '{name}' is {value} at step {step} of stage '{Name}'; metrics.jsonl has null for it. Look for a division by zero or an overflow in the part that reports it"));
            }
        }

        var now = _clock.Elapsed;
        var seconds = (now - _stepBegan).TotalSeconds;
        _stepBegan = now;
        EndPhase(now);
        folder.Append("metrics.jsonl", line);
        var timings = new JsonObject { ["stage"] = Name, ["step"] = step, ["seconds"] = Math.Round(seconds, 6), ["tokens"] = tokens };
        foreach (var (phase, spent) in _phases)
        {
            timings["seconds/" + phase] = Math.Round(spent, 6);
        }

        _phases.Clear();
        folder.Append("timings.jsonl", timings);
        Done = step + 1;
        events.Send(new StepDone(Stage, step, finite, tokens, seconds));
        AfterStep?.Invoke();
    }

    /// <summary>Does something between steps, which counts to none; what was in hand before is in hand again.</summary>
    internal void Between(string phase, Action work)
    {
        var before = _hand;
        InHand("run", phase);
        work();
        if (before.Part is not null)
        {
            InHand(before.Part, before.Phase);
        }

        _phases.Clear();
        _stepBegan = _phaseBegan = _clock.Elapsed;
    }

    /// <inheritdoc/>
    public void Sample(JsonObject sample)
    {
        folder.Append("samples.jsonl", sample);
        events.Send(new Sampled(sample));
    }

    /// <inheritdoc/>
    public void Diagnose(Diagnosis diagnosis)
    {
        _diagnoses.Add(diagnosis);
        folder.Append("diagnoses.jsonl", new JsonObject { ["stage"] = Name, ["step"] = Done, ["name"] = diagnosis.Name, ["warning"] = diagnosis.Warning, ["message"] = diagnosis.Message });
        events.Send(new Diagnosed(diagnosis.Name, diagnosis.Message, diagnosis.Warning));
    }

    /// <summary>Records what evaluations measured.</summary>
    internal void Evaluate(string after, Dictionary<string, double> results)
    {
        var line = new JsonObject { ["after"] = after, ["stage_index"] = Stage };
        foreach (var (name, value) in results)
        {
            line[name] = double.IsFinite(value) ? value : null;
        }

        folder.Append("evaluations.jsonl", line);
        events.Send(new Evaluated(after, results.Where(pair => double.IsFinite(pair.Value)).ToDictionary()));
    }

    /// <summary>Counts the time since the phase in hand began.</summary>
    private void EndPhase(TimeSpan now)
    {
        if (_phase is not null)
        {
            _phases[_phase] = _phases.GetValueOrDefault(_phase) + (now - _phaseBegan).TotalSeconds;
        }

        _phaseBegan = now;
    }

    private string? PluginOf(string part) => part.Split(' ', 2) is [var kind, var id] ? catalog.PluginOf(kind, id) : null;
}
