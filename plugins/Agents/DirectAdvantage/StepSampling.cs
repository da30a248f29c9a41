using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>An answer in steps.</summary>
/// <param name="Rollout">The whole answer.</param>
/// <param name="Ends">The token after each step's last one.</param>
/// <param name="Outcome">What it is worth.</param>
internal sealed record SteppedRollout(Rollout Rollout, int[] Ends, double Outcome)
{
    internal int Start(int step) => step == 0 ? 0 : Ends[step - 1];
}

/// <summary>Samples answers from the policy, cuts them into steps, and completes the steps' starts.</summary>
internal sealed class StepSampling(IStepSampling options, StageContext stage, Draws draws, CancellationToken cancel)
{
    private readonly ISampler _sampler = options.Sampler.Create(stage.Services);
    private readonly IReward _reward = options.Reward.Create(stage.Services);

    private ITokenizer Tokenizer => stage.Policy.Tokenizer;

    /// <summary>The answers to every prompt, in steps.</summary>
    internal List<SteppedRollout> Sample(IReadOnlyList<Example> rows)
    {
        var rollouts = PolicySamples.Of(stage, _sampler, rows, options.Answers, draws.Key("answers"), cancel);
        return [.. rollouts.Zip(Outcomes(rollouts), (rollout, outcome) => new SteppedRollout(rollout, AnswerSteps.Ends(Tokenizer, rollout.Completion, options.Separator), outcome))];
    }

    /// <summary>A step's text; the end-of-sequence token leaves no trace.</summary>
    internal string Text(SteppedRollout answer, int from, int to) => Tokenizer.Decode(answer.Rollout.Completion.AsSpan(from, to - from));

    /// <summary>The mean outcome of the completions of each step's start; a start that answers share is completed once.</summary>
    /// <returns>One number for each step of each answer.</returns>
    internal double[][] Values(IReadOnlyList<SteppedRollout> answers)
    {
        var states = new Dictionary<(long Row, string Prefix), int>();
        var requests = new List<SamplingRequest>();
        var begun = new List<(Rollout Answer, int Tokens)>();
        int[][] places = [.. answers.Select(answer => Enumerable.Range(0, answer.Ends.Length).Select(step =>
        {
            var (rollout, prefix) = (answer.Rollout, answer.Rollout.Completion[..answer.Start(step)]);
            var key = (rollout.Example.Index, string.Join(' ', prefix));
            if (!states.TryGetValue(key, out var place))
            {
                states[key] = place = requests.Count;
                var own = prefix.Aggregate(draws.Key("completions").Key(rollout.Example.Index), (above, token) => above.Key(token));
                requests.Add(new SamplingRequest(rollout.Example, place, [.. rollout.Prompt, .. prefix], options.Completions, own));
                begun.Add((rollout, prefix.Length));
            }

            return place;
        }).ToArray())];
        var completed = PolicySamples.Of(stage, _sampler, requests, cancel).Select(rollout => Whole(rollout, begun[(int)rollout.GroupId])).ToList();
        var outcomes = tensor(Outcomes(completed), [requests.Count, options.Completions]);
        var values = DirectAdvantage.McValues(outcomes, ones_like(outcomes)).Tensor("values").data<double>().ToArray();
        return [.. places.Select(steps => steps.Select(place => values[place]).ToArray())];
    }

    /// <summary>A continuation, with what it continues, as an answer to the prompt.</summary>
    private Rollout Whole(Rollout continuation, (Rollout Answer, int Tokens) begun)
    {
        int[] completion = [.. begun.Answer.Completion[..begun.Tokens], .. continuation.Completion];
        return continuation with { Prompt = begun.Answer.Prompt, Completion = completion, Logps = [.. begun.Answer.Logps[..begun.Tokens], .. continuation.Logps], Text = Tokenizer.Decode(completion) };
    }

    private double[] Outcomes(IReadOnlyList<Rollout> rollouts)
    {
        stage.Recorder.InHand(Kinds.Reward + " " + options.Reward.Id, "scoring");
        return RewardScores.Of(_reward, options.Reward.Id, rollouts, new RewardContext(0, 0, draws.Key("reward"))).Values;
    }
}
