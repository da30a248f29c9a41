using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Makes the pairs of an iteration of self-play: K answers a prompt, all judged against each other, the best and the worst kept with their win rates.</summary>
internal sealed class IterationPool(SelfPlayOptions options, StageContext stage, AnswerSource source)
{
    private readonly (string Id, ISampler Sampler) _sampler = (options.Sampler.Id, options.Sampler.Create(stage.Services));
    private readonly (string Id, IReward Reward)[] _rewards = [.. options.Rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];
    private readonly Judging? _judging = options.Judge is null || options.Kind == WinRateKind.Scores ? null : new Judging(options.Judge, options.BothOrders, stage);
    private bool _told;

    /// <summary>The pairs of an iteration, sampled from the policy as it is.</summary>
    internal PlayedPair[] Play(int iteration, int step, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var prompts = Prompts(iteration);
        var count = _sampler.Sampler.GroupSize;
        var rollouts = source.Sample(stage.Policy, _sampler, prompts, count, step, "answers", cancel);
        metrics["sampler_gap"] = SamplerTripwire.Check(stage.Policy, _sampler.Sampler.Temperature, [.. rollouts.Take(options.BatchSize)]);
        var context = new RewardContext(step, options.Steps, stage.Draws.Key("judge").Key(step));
        var (rates, scores) = options.Kind == WinRateKind.Scores
            ? Scored(rollouts, prompts.Length, context, metrics) : Judged(rollouts, prompts.Length, context, metrics);

        var (chosen, rejected) = (rates.Chosen.data<long>().ToArray(), rates.Rejected.data<long>().ToArray());
        double[] Values(Tensor values) => values.data<double>().ToArray();
        var (chosenRates, rejectedRates, probs) = (Values(rates.ChosenRates), Values(rates.RejectedRates), Values(rates.ChosenProbs));
        var (chosenScores, rejectedScores) = (Values(WinRates.Of(scores, rates.Chosen)), Values(WinRates.Of(scores, rates.Rejected)));
        PlayedPair[] pairs = [.. prompts.Select((_, group) => new PlayedPair(
            rollouts[(group * count) + (int)chosen[group]],
            rollouts[(group * count) + (int)rejected[group]],
            new Dictionary<string, double>
            {
                ["chosen_win_rates"] = chosenRates[group],
                ["rejected_win_rates"] = rejectedRates[group],
                ["chosen_probs"] = probs[group],
                ["chosen_scores"] = chosenScores[group],
                ["rejected_scores"] = rejectedScores[group],
            }))];
        metrics["best_win_rate"] = chosenRates.Average();
        metrics["worst_win_rate"] = rejectedRates.Average();
        metrics["tied_prompts"] = chosen.Zip(rejected).Average(places => places.First == places.Second ? 1.0 : 0);
        metrics["completion_length"] = rollouts.Average(rollout => rollout.Completion.Length);
        metrics["truncated"] = rollouts.Average(rollout => rollout.Truncated ? 1.0 : 0);
        if (options.WriteSamples)
        {
            pairs[0].Record(stage, step);
        }

        return pairs;
    }

    private int[] Prompts(int iteration)
    {
        if (!options.SplitPrompts)
        {
            return [.. Enumerable.Range(0, source.Count)];
        }

        var (first, next) = ((int)((long)iteration * source.Count / options.Iterations), (int)((iteration + 1L) * source.Count / options.Iterations));
        return next > first ? [.. Enumerable.Range(first, next - first)]
            : throw new PlumblineException($"split_prompts gives each of {options.Iterations} iterations prompts of its own, and the data has only {source.Count}; set it to false, or give more");
    }

    /// <summary>By the sum of the rewards; the scores are it.</summary>
    private (WinRates Rates, Tensor Scores) Scored(IReadOnlyList<Rollout> rollouts, int groups, RewardContext context, Dictionary<string, double> metrics)
    {
        var batch = RolloutBatch.Score(rollouts, _rewards, context, stage.Recorder, metrics);
        var scores = tensor(batch.Totals.ToArray(), [groups, rollouts.Count / groups]);
        if (metrics["reward_spread"] == 0 && !_told)
        {
            _told = true;
            stage.Recorder.Diagnose(new Diagnosis("equal-rewards", $"every reward of an iteration was equal, of {rollouts.Count} answers: nothing tells a good one from a bad one. Look at samples.jsonl; the reward may never fire"));
        }

        return (WinRates.FromScores(scores), scores);
    }

    /// <summary>By the judge; an answer's score is the mean over its group of log P/(1-P), which is the mean score where a model of preferences is the judge.</summary>
    private (WinRates Rates, Tensor Scores) Judged(IReadOnlyList<Rollout> rollouts, int groups, RewardContext context, Dictionary<string, double> metrics)
    {
        var count = rollouts.Count / groups;
        var places = Enumerable.Range(0, groups).SelectMany(group => Enumerable.Range(0, count).SelectMany(i => Enumerable.Range(i + 1, count - i - 1).Select(j => (Group: group, I: i, J: j)))).ToArray();
        var probabilities = _judging!.Probabilities([.. places.Select(place => (rollouts[(place.Group * count) + place.I], rollouts[(place.Group * count) + place.J]))], context);
        _judging.Close();
        _judging.AddTo(metrics);
        var matrix = new double[groups * count * count];
        Array.Fill(matrix, 0.5);
        for (var k = 0; k < places.Length; k++)
        {
            var (group, i, j) = places[k];
            matrix[(((group * count) + i) * count) + j] = probabilities[k];
            matrix[(((group * count) + j) * count) + i] = 1 - probabilities[k];
        }

        var preferences = tensor(matrix, [groups, count, count]);
        var scores = (preferences.log() - (1 - preferences).log()).mean([2]);
        return (WinRates.FromPreferences(preferences), scores);
    }
}
