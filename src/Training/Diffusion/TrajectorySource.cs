using System.Text.Json.Nodes;
using Plumbline.Training.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Conditions in the order of the epochs, sampled for and scored: the first half of a step of the loop <c>diffusion-rollouts</c>.</summary>
internal sealed class TrajectorySource : IDisposable
{
    private const int Shown = 64;
    private readonly DiffusionRolloutsOptions _options;
    private readonly StageContext _stage;
    private readonly IDiffusionModel _policy;
    private readonly TensorSet _data;
    private readonly (string Id, ISampleReward Reward)[] _rewards;
    private readonly EpochOrder _order;

    internal TrajectorySource(DiffusionRolloutsOptions options, StageContext stage, IDiffusionModel policy, ITrajectorySampler sampler)
    {
        (_options, _stage, _policy, Sampler) = (options, stage, policy, sampler);
        if (options.Rewards.Count == 0)
        {
            throw new PlumblineException("'rewards' is empty: nothing tells a good sample from a bad one; name at least one reward");
        }

        stage.Recorder.InHand(Kinds.Data + " " + options.Conditions.Id, "loading");
        _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];
        _data = options.Conditions.Create(stage.Services).Load(stage.Run);
        if (_data.Rows == 0)
        {
            throw new PlumblineException($"data '{options.Conditions.Id}' has no row to learn from, so there is nothing to sample for");
        }

        _order = new EpochOrder((int)_data.Rows, stage.Draws.Key("order"));
        // A group of one is compared with others of its prompt, or with the whole batch.
        Watch = new RewardWatch(stage.Recorder, (int)Math.Min(_data.Rows, (long)options.Steps * options.ConditionsPerStep), withinGroups: sampler.GroupSize > 1);
    }

    internal ITrajectorySampler Sampler { get; }

    internal RewardWatch Watch { get; }

    internal ScoredTrajectories Next(int step, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        var rows = _order.Take((long)step * _options.ConditionsPerStep, _options.ConditionsPerStep);
        var all = _data.Train.GetValueOrDefault("condition");
        var conditions = all?.index_select(0, tensor(rows.Select(row => (long)row).ToArray(), device: all.device));
        var draws = _stage.Draws.Key("sample").Key(step);
        _stage.Recorder.InHand(Kinds.Sampler + " " + _options.Sampler.Id, "sampling");
        _policy.Network.eval();
        var trajectories = Sampler.Sample(_policy, new TrajectoryRequest { Conditions = conditions, Draws = [.. rows.Select((row, group) => draws.Key(group).Key(row))] }, cancel);
        _policy.Network.train();
        cancel.ThrowIfCancellationRequested();
        // A class is a prompt; of anything else a prompt is the row it stands in.
        long[] prompts = conditions is { dtype: ScalarType.Int64 } classes && classes.dim() == 1 ? classes.cpu().data<long>().ToArray() : [.. rows.Select(row => (long)row)];
        var scored = Score(trajectories, prompts, step, metrics);
        metrics["evaluations"] = trajectories.Evaluations;
        Watch.See(scored.Totals, scored.Scored, row => trajectories.SampleGroups[row], rows.Length);
        Show(scored, step);
        return scored;
    }

    /// <inheritdoc/>
    public void Dispose() => _data.Dispose();

    private ScoredTrajectories Score(Trajectories trajectories, long[] prompts, int step, Dictionary<string, double> metrics)
    {
        using var still = no_grad();
        var context = new RewardContext(step, _options.Steps, _stage.Draws.Key("reward").Key(step));
        var place = tensor(trajectories.SampleGroups.Select(group => (long)group).ToArray());
        var conditions = trajectories.Conditions is { } asked ? asked.index_select(0, place.to(asked.device)) : null;
        var scores = new double[_rewards.Length][];
        bool[]? seen = null;
        for (var k = 0; k < _rewards.Length; k++)
        {
            var (id, reward) = _rewards[k];
            _stage.Recorder.InHand(Kinds.Reward + " " + id, "scoring");
            var result = RewardScores.Of(reward, id, trajectories.Samples, conditions, context);
            scores[k] = result.Values;
            // A sample counts as scored where any reward has an opinion of it.
            seen = (seen, result.Scored, k) switch
            {
                (_, { } own, 0) => [.. own],
                ({ } others, { } own, _) => [.. others.Zip(own, (a, b) => a || b)],
                _ => null,
            };
            metrics["reward/" + id] = result.Values.Average();
            foreach (var (name, values) in result.Components)
            {
                metrics[$"reward/{id}/{name}"] = values.Average();
            }
        }

        var scored = new ScoredTrajectories(trajectories, conditions, prompts, scores, seen);
        metrics["reward_mean"] = scored.Totals.Average();
        metrics["reward_spread"] = scored.Totals.Max() - scored.Totals.Min();
        return scored;
    }

    private void Show(ScoredTrajectories scored, int step)
    {
        if (_options.SampleEvery == 0 || step % _options.SampleEvery != 0)
        {
            return;
        }

        var samples = scored.Trajectories.Samples;
        var picture = ImageGrid.Fits(_policy.SampleShape) ? $"samples/{_stage.Name}-{step:D5}.png" : null;
        if (picture is not null)
        {
            ImageGrid.Write(Path.Combine(_stage.Run.Folder, picture), samples.narrow(0, 0, Math.Min(Shown, samples.shape[0])));
        }

        _stage.Recorder.Sample(new JsonObject
        {
            ["stage"] = _stage.Name,
            ["step"] = step,
            ["picture"] = picture,
            ["prompts"] = new JsonArray([.. scored.Trajectories.SampleGroups.Take(Shown).Select(group => (JsonNode)scored.Prompts[group])]),
            ["rewards"] = new JsonArray([.. scored.Totals.Take(Shown).Select(reward => (JsonNode)reward)]),
        });
    }
}

/// <summary>Trajectories, what was asked, and the scores of their samples.</summary>
/// <param name="Trajectories">What was sampled.</param>
/// <param name="Conditions">[N] or [N,...] what each sample was asked to be; null: nothing was.</param>
/// <param name="Prompts">[G] the prompt of each group, the same from step to step.</param>
/// <param name="Scores">A row of scores for each reward: [K][N].</param>
/// <param name="Scored">False where no reward scored a sample; null: all were.</param>
internal sealed record ScoredTrajectories(Trajectories Trajectories, Tensor? Conditions, long[] Prompts, double[][] Scores, bool[]? Scored)
{
    /// <summary>The sum of the rewards, a sample each.</summary>
    internal double[] Totals { get; } = [.. Enumerable.Range(0, Scores[0].Length).Select(row => Scores.Sum(reward => reward[row]))];

    /// <summary>[N] or, with several rewards, [N,K].</summary>
    internal Tensor Rewards(Device device, ScalarType dtype) => Scores.Length == 1 ? tensor(Scores[0], device: device).to_type(dtype)
        : stack([.. Scores.Select(scores => tensor(scores, device: device))], 1).to_type(dtype);

    /// <summary>Whether some reward tells the samples of a group apart.</summary>
    internal bool[] GroupsThatDiffer()
    {
        var members = Enumerable.Range(0, Totals.Length).ToLookup(row => Trajectories.SampleGroups[row]);
        return [.. Enumerable.Range(0, Prompts.Length).Select(group => Scores.Any(scores => members[group].Select(row => scores[row]).Distinct().Skip(1).Any()))];
    }
}
