using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.LikelihoodOverOptimisation;

/// <summary>Watches any stage for over-optimisation: samples on fixed prompts, and says, stops or goes back when the top tokens' entropy or mass falls from its peak.</summary>
/// <remarks>
/// The indicators are of the policy's own logits along its samples. Every measurement is in the file <c>stage.monitor.json</c> of the run's folder, and in the
/// metrics of its step. The draws are those of the first measurement each time, so that only the policy differs.
/// </remarks>
[Observer("likelihood-overopt")]
[Default("sampler", "kv-cache")]
public sealed class LikelihoodMonitor(LikelihoodMonitorOptions options, StageContext stage) : IObserver, IDisposable
{
    private const int SequencesAtATime = 64;
    private readonly IndicatorOptions _indicators = new() { TopK = options.TopK, Renormalize = options.Renormalize };
    private readonly ISampler _sampler = options.Sampler.Create(stage.Services);
    private readonly IReward? _reward = options.Reward?.Create(stage.Services);
    private readonly Snapshots? _snapshots = options.Action == StopAction.StopAndRestore ? new Snapshots(stage.Policy.Network) : null;
    private readonly List<int> _steps = [];
    private readonly Dictionary<string, List<double>> _series = [];
    private IReadOnlyList<Example> _rows = [];
    private long _stop = -1;
    private bool _goOn = true;

    /// <inheritdoc/>
    public void OnBegin(int steps, IRecorder recorder)
    {
        var data = options.Data.Create(stage.Services).Load(stage.Run);
        _rows = [.. (options.Split == Split.HeldOut ? data.HeldOut : data.Train).Take(options.PromptsForMonitor)];
        if (_rows.Count == 0)
        {
            throw new PlumblineException($"the monitor has no prompts: that part of data '{options.Data.Id}' is empty; set its held_out, or split to \"train\"");
        }

        _ = See(0);
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measure(int step) => (step + 1) % options.EvaluateEvery == 0
        ? See(step + 1).ToDictionary(pair => "likelihood-overopt/" + pair.Key, pair => pair.Value) : [];

    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => _goOn;

    /// <inheritdoc/>
    public void OnEnd(int steps, IRecorder recorder) => Dispose();

    /// <inheritdoc/>
    public void Dispose() => _snapshots?.Dispose();

    /// <summary>Measures, asks the monitor, acts.</summary>
    private Dictionary<string, double> See(int done)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var measured = Indicators();
        _steps.Add(done);
        foreach (var (name, value) in measured)
        {
            (_series.TryGetValue(name, out var series) ? series : _series[name] = []).Add(value);
        }

        _snapshots?.Take(_steps.Count - 1);
        _snapshots?.ForgetBefore(_steps.Count - 1 - options.Patience);
        var verdict = LikelihoodOverOptimisation.Monitor(tensor(_series["topk_entropy"].ToArray()), tensor(_series["topk_mass"].ToArray()), options);
        var (stop, keep) = ((long)verdict["stop_index"], (int)(long)verdict["keep_index"]);
        measured["alarm"] = verdict.Tensor("alarms")[_steps.Count - 1].ToBoolean() ? 1 : 0;
        measured["keep_step"] = _steps[keep];
        StageFile.Write(stage, "monitor", new JsonObject
        {
            ["steps"] = new JsonArray([.. _steps.Select(step => (JsonNode)step)]),
            ["series"] = new JsonObject(_series.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)new JsonArray([.. pair.Value.Select(value => (JsonNode)value)])))),
            ["alarms"] = new JsonArray([.. verdict.Tensor("alarms").data<bool>().ToArray().Select(alarm => (JsonNode)alarm)]),
            ["stop_index"] = stop,
            ["keep_index"] = keep,
            ["keep_step"] = _steps[keep],
        });
        if (stop >= 0 && _stop < 0)
        {
            Act(stop, keep);
        }

        return measured;
    }

    private void Act(long stop, int keep)
    {
        _stop = stop;
        _snapshots?.Restore(keep);
        var what = options.Action switch
        {
            StopAction.Stop => "the stage ends here",
            StopAction.StopAndRestore => $"the stage ends here with the weights after {_steps[keep]} steps",
            _ => "the stage goes on",
        };
        stage.Recorder.Diagnose(new Diagnosis("likelihood-over-optimisation", $"after {_steps[(int)stop]} steps the entropy or the mass of the {options.TopK} likeliest tokens has fallen from its peak {options.Patience} times in a row; the policy after {_steps[keep]} steps was the last before: {what}") { Warning = true });
        _goOn = options.Action == StopAction.Report;
    }

    private Dictionary<string, double> Indicators()
    {
        var training = stage.Policy.Network.training;
        stage.Policy.Network.eval();
        var draws = stage.Draws.Key("monitor");
        var samples = PolicySamples.Of(stage, _sampler, _rows, options.SamplesPerPrompt, draws, CancellationToken.None);
        var measured = Indicators([.. samples.Select(sample => new PromptedSequence(sample.Prompt, sample.Completion))], string.Empty);
        var width = Math.Max(1, samples.Max(sample => sample.Completion.Length));
        var tokens = tensor(samples.SelectMany(sample => sample.Completion.Select(token => (long)token).Concat(new long[width - sample.Completion.Length])).ToArray(), [samples.Count, width]);
        var mask = tensor(samples.SelectMany(sample => Enumerable.Range(0, width).Select(t => t < sample.Completion.Length ? 1.0 : 0)).ToArray(), [samples.Count, width]);
        var diversity = LikelihoodOverOptimisation.Diversity(tokens, mask, tensor(samples.Select(sample => sample.GroupId).ToArray()), new DiversityOptions { N = options.N });
        measured["per_input_diversity"] = diversity.Tensor("per_input_mean").ToDouble();
        measured["cross_input_diversity"] = diversity.Tensor("cross_input").ToDouble();
        if (_reward is not null)
        {
            measured["reward"] = RewardScores.Mean([RewardScores.Of(_reward, options.Reward!.Id, samples, new RewardContext(0, 0, draws.Key("reward")))], options.Reward.Id);
        }

        if (_rows.All(row => row.FindText("chosen") is not null && row.FindText("rejected") is not null))
        {
            foreach (var (name, value) in Indicators(PolicySamples.Stored(stage, _rows, "chosen"), "chosen_"))
            {
                measured[name] = value;
            }

            var (better, worse) = PairLikelihood.Of(stage, _rows, SequencesAtATime, CancellationToken.None);
            (measured["better_likelihood"], measured["worse_likelihood"], measured["likelihood_gap"]) = (better, worse, better - worse);
        }

        stage.Policy.Network.train(training);
        return measured;
    }

    /// <summary>The indicators along sequences, means over all their tokens.</summary>
    private Dictionary<string, double> Indicators(IReadOnlyList<PromptedSequence> sequences, string prefix)
    {
        string[] names = ["topk_entropy", "topk_mass", "entropy"];
        var (sums, tokens, scorer) = (new double[names.Length], 0.0, new SequenceScorer(stage.Policy, _sampler.Temperature));
        foreach (var some in sequences.Chunk(SequencesAtATime))
        {
            using var scope = NewDisposeScope();
            var scored = scorer.Score(some, Needs.Logits);
            var found = LikelihoodOverOptimisation.Indicators(scored.Logits!, scored.Mask, _indicators);
            var count = scored.Mask.sum().ToDouble();
            tokens += count;
            for (var i = 0; i < names.Length; i++)
            {
                sums[i] += count * found.Tensor(names[i]).ToDouble();
            }
        }

        return names.Select((name, i) => (prefix + name, sums[i] / tokens)).ToDictionary();
    }
}
