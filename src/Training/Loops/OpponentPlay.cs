namespace Plumbline.Training;

/// <summary>Makes the pairs of one step of self-play: two answers a pair, each with how often it beats an opponent that the policy is too.</summary>
internal sealed class OpponentPlay(SelfPlayOptions options, StageContext stage, AnswerSource source)
{
    private readonly (string Id, ISampler Sampler) _sampler = (options.Sampler.Id, options.Sampler.Create(stage.Services));
    private readonly (string Id, ISampler Sampler)? _opponent = options.OpponentSampler is { } part ? (part.Id, part.Create(stage.Services)) : null;
    private readonly Judging _judging = new(options.Judge!, options.BothOrders, stage);
    private readonly EpochOrder _order = new(source.Count, stage.Draws.Key("order"));

    /// <summary>The pairs of a phase of a step, sampled from the policy as it is.</summary>
    /// <param name="step">The step.</param>
    /// <param name="phase">Keeps a trial's draws apart from the real update's.</param>
    /// <param name="metrics">Takes what sampling and judging tell.</param>
    /// <param name="cancel">Ends it.</param>
    internal PlayedPair[] Play(int step, string phase, Dictionary<string, double> metrics, CancellationToken cancel)
    {
        var (prompts, each) = (_order.Take((long)step * options.PromptsPerStep, options.PromptsPerStep), options.PairsPerPrompt);
        var answers = source.Sample(stage.Policy, _sampler, prompts, 2 * each, step, phase, cancel);
        var pairs = Enumerable.Range(0, prompts.Length * each).Select(i => (
            First: answers[((i / each) * 2 * each) + (i % each)], Second: answers[((i / each) * 2 * each) + each + (i % each)])).ToArray();
        var context = new RewardContext(step, options.Steps, stage.Draws.Key("judge").Key(step).Key(phase));
        if (step == 0)
        {
            metrics["sampler_gap"] = SamplerTripwire.Check(stage.Policy, _sampler.Sampler.Temperature, answers);
        }

        double[] first, second;
        if (_opponent is { } opponent)
        {
            var theirs = source.Sample(stage.Policy, opponent, prompts, each, step, phase + " opponent", cancel);
            var judged = _judging.Probabilities([.. pairs.Select((pair, i) => (pair.First, theirs[i])), .. pairs.Select((pair, i) => (pair.Second, theirs[i]))], context);
            (first, second) = (judged[..pairs.Length], judged[pairs.Length..]);
        }
        else
        {
            // Where the opponent is who gave the answers, one stands for it: p - q has the same mean.
            first = _judging.Probabilities(pairs, context);
            second = [.. first.Select(_ => 0.5)];
        }

        _judging.AddTo(metrics);
        metrics["completion_length"] = answers.Average(rollout => rollout.Completion.Length);
        metrics["truncated"] = answers.Average(rollout => rollout.Truncated ? 1.0 : 0);
        return [.. pairs.Select((pair, i) => new PlayedPair(
            pair.First, pair.Second, new Dictionary<string, double> { ["chosen_win_rates"] = first[i], ["rejected_win_rates"] = second[i] }))];
    }

    /// <summary>At the stage's end.</summary>
    internal void Close() => _judging.Close();
}
