using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Prompts as the scheduler says, sampled and scored: the first half of a step of every loop that samples groups.</summary>
public sealed class RolloutSource : IDisposable
{
    private readonly RolloutOptions _options;
    private readonly StageContext _stage;
    private readonly ISampler _sampler;
    private readonly (string Id, IReward Reward)[] _rewards;
    private readonly List<(Example Example, int[] Prompt)> _prompts;
    private readonly EpochOrder _order;
    private readonly IScheduler? _scheduler;
    private readonly int _syncInterval;
    private ICausalModel? _snapshot;

    /// <summary>A source for one stage.</summary>
    /// <param name="options">Its options: data, sampler, rewards, scheduler.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="withinGroups">Whether only differences within a group teach anything; groups without one are then watched for.</param>
    /// <param name="syncInterval">Steps between refreshes of the copy of the policy that samples; 1: the policy itself samples.</param>
    /// <exception cref="PlumblineException">No reward is named, or no prompt fits.</exception>
    public RolloutSource(RolloutOptions options, StageContext stage, bool withinGroups, int syncInterval = 1)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(stage);
        (_options, _stage, _syncInterval) = (options, stage, syncInterval);
        if (options.Rewards.Count == 0)
        {
            throw new PlumblineException("'rewards' is empty: nothing tells a good completion from a bad one; name at least one reward");
        }

        _sampler = options.Sampler.Create(stage.Services);
        _scheduler = options.Scheduler?.Create(stage.Services);
        _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];
        var rows = options.Rows(stage, CancellationToken.None);
        _prompts = PromptSet.Build(rows, new SequenceBuilder(stage.Policy, options.MaxLength, options.Overlong), options.Overlong, stage.Log);
        _order = new EpochOrder(_prompts.Count, stage.Draws.Key("order"));
        Watch = new RewardWatch(stage.Recorder, _prompts.Count, withinGroups);
    }

    /// <summary>Tells what was wrong with the rewards over the whole stage; a loop calls it after its last step.</summary>
    public void End() => Watch.End();

    internal RewardWatch Watch { get; }

    /// <summary>The temperature at which completions are sampled and scored.</summary>
    public double Temperature => _sampler.Temperature;

    /// <summary>Completions a prompt, where no scheduler says otherwise.</summary>
    public int GroupSize => _sampler.GroupSize;

    /// <summary>Whether the last batch was sampled by weights that may be older than the policy's.</summary>
    public bool Stale { get; private set; }

    /// <summary>The next step's completions with their scores, groups next to each other.</summary>
    /// <param name="step">The stage's step, from 0; chance is keyed by it.</param>
    /// <param name="metrics">Takes what rewards and scheduler tell.</param>
    /// <param name="cancel">Ends the sampling.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public RolloutBatch Next(int step, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        _stage.Policy.Network.eval();
        var model = Sampling(step);
        var plan = Plan(step);
        var draws = _stage.Draws.Key("sample").Key(step);
        SamplingRequest[] requests = [.. plan.Select((prompt, group) => Request(prompt.Prompt, group, prompt.Count, draws.Key(group)))];
        var rollouts = Sample(model, requests, cancel);
        var batch = Score(step, rollouts, requests.Length, metrics);
        Tell(plan, batch, metrics);
        _stage.Policy.Network.train();
        return batch;
    }

    /// <summary>The prompts of places <paramref name="start"/> … of the endless sequence of epochs.</summary>
    internal int[] Prompts(long start, int count) => _order.Take(start, count);

    /// <summary>A prompt as a request; chance is keyed by its row too.</summary>
    internal SamplingRequest Request(int prompt, long group, int count, Draws draws) =>
        new(_prompts[prompt].Example, group, _prompts[prompt].Prompt, count, draws.Key(_prompts[prompt].Example.Index));

    /// <summary>Completions of requests.</summary>
    internal IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel)
    {
        _stage.Recorder.InHand(Kinds.Sampler + " " + _options.Sampler.Id, "sampling");
        var rollouts = _sampler.Sample(model, requests, cancel);
        cancel.ThrowIfCancellationRequested();
        return rollouts;
    }

    /// <summary>Completions with their scores; some are shown.</summary>
    internal RolloutBatch Score(int step, IReadOnlyList<Rollout> rollouts, int prompts, Dictionary<string, double> metrics)
    {
        var context = new RewardContext(step, _options.Steps, _stage.Draws.Key("reward").Key(step));
        var batch = RolloutBatch.Score(rollouts, _rewards, context, _stage.Recorder, metrics);
        Watch.See(batch, prompts);
        if (_options.SampleEvery > 0 && step % _options.SampleEvery == 0)
        {
            foreach (var row in Enumerable.Range(0, Math.Min(2, rollouts.Count)))
            {
                _stage.Recorder.Sample(new JsonObject
                {
                    ["stage"] = _stage.Name,
                    ["step"] = step,
                    ["prompt"] = rollouts[row].Example.FindText("prompt"),
                    ["completion"] = rollouts[row].Text,
                    ["reward"] = batch.Totals[row],
                });
            }
        }

        return batch;
    }

    /// <inheritdoc/>
    public void Dispose() => _snapshot?.Dispose();

    private ICausalModel Sampling(int step)
    {
        if (_syncInterval == 1)
        {
            return _stage.Policy;
        }

        if (step % _syncInterval == 0)
        {
            _snapshot?.Dispose();
            _snapshot = (ICausalModel)_stage.Policy.Freeze();
        }

        Stale = step % _syncInterval != 0;
        return _snapshot!;
    }

    private IReadOnlyList<Allocation> Plan(int step)
    {
        var next = _order.Take((long)step * _options.PromptsPerStep, _options.PromptsPerStep);
        if (_scheduler is null)
        {
            return [.. next.Select(prompt => new Allocation(prompt, _sampler.GroupSize))];
        }

        _stage.Recorder.InHand(Kinds.Scheduler + " " + _options.Scheduler!.Id, "planning");
        // A prompt that an epoch's end brings twice is one group.
        var plan = _scheduler.Plan(new ScheduleContext(step, _options.Steps, _prompts.Count, [.. next.Distinct()], _sampler.GroupSize, _stage.Draws.Key("scheduler").Key(step)));
        return plan.Count == 0 ? throw Misplanned("no prompt")
            : plan.FirstOrDefault(prompt => prompt.Count < 1 || prompt.Prompt < 0 || prompt.Prompt >= _prompts.Count) is { } bad && bad != default
                ? throw Misplanned($"prompt {bad.Prompt} of {_prompts.Count} with {bad.Count} completions")
            : plan.GroupBy(prompt => prompt.Prompt).FirstOrDefault(same => same.Skip(1).Any()) is { } twice ? throw Misplanned($"prompt {twice.Key} twice")
            : plan;

        PlumblineException Misplanned(string what) => new($"scheduler '{_options.Scheduler!.Id}' planned {what} for step {step}; it must plan each prompt at most once, with at least 1 completion");
    }

    private void Tell(IReadOnlyList<Allocation> plan, RolloutBatch batch, Dictionary<string, double> metrics)
    {
        if (_scheduler is null)
        {
            return;
        }

        var totals = batch.Totals;
        var rows = batch.Rollouts.Select((rollout, row) => (rollout.GroupId, row)).ToLookup(pair => pair.GroupId, pair => totals[pair.row]);
        _scheduler.Learn([.. plan.Select((prompt, group) => new Visit(prompt.Prompt, [.. rows[group]]))]);
        foreach (var (name, value) in _scheduler.Metrics)
        {
            metrics[$"scheduler/{name}"] = value;
        }
    }
}
