using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A row and answers that the policy gave to its prompt.</summary>
/// <param name="Example">The row.</param>
/// <param name="Answers">In order of sampling.</param>
/// <param name="Scores">The sum of the rewards, an answer each; zeros where there is no reward.</param>
public sealed record ScoredAnswers(Example Example, IReadOnlyList<Rollout> Answers, double[] Scores)
{
    /// <summary>A copy of the row with further columns.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="columns">Name and value.</param>
    public Example With(long index, params ReadOnlySpan<(string Name, System.Text.Json.Nodes.JsonNode Value)> columns)
    {
        var row = (System.Text.Json.Nodes.JsonObject)Example.Columns.DeepClone();
        foreach (var (name, value) in columns)
        {
            row[name] = value;
        }

        return new Example(index, row);
    }

    /// <summary>A copy of the row with two of the answers as a pair, and their scores.</summary>
    /// <param name="index">Its index.</param>
    /// <param name="chosen">The better answer's place.</param>
    /// <param name="rejected">The worse answer's place.</param>
    public Example Pair(long index, int chosen, int rejected) => With(
        index, ("chosen", Answers[chosen].Text), ("rejected", Answers[rejected].Text), ("chosen_score", Scores[chosen]), ("rejected_score", Scores[rejected]));
}

/// <summary>Answers that the policy, as it is now, gives to the prompts of rows: how every transform that needs a model's answers begins.</summary>
/// <remarks>Sampled for some rows at a time; chance is keyed by each row's index, so that how many changes memory and speed, never an answer.</remarks>
/// <param name="stage">The stage; its policy answers.</param>
/// <param name="sampler">What samples.</param>
/// <param name="rewards">What scores; may be empty.</param>
public sealed class PolicyAnswers(StageContext stage, Part<ISampler> sampler, IReadOnlyList<Part<IReward>> rewards)
{
    private const int AnswersAtATime = 2048;
    private readonly ISampler _sampler = sampler.Create(stage.Services);
    private readonly (string Id, IReward Reward)[] _rewards = [.. rewards.Select(reward => (reward.Id, reward.Create(stage.Services)))];

    /// <summary>The answers to each row's prompt, rows in order.</summary>
    /// <param name="rows">Rows with a prompt.</param>
    /// <param name="count">Answers a prompt; null: the sampler's group size.</param>
    /// <param name="draws">Source of chance.</param>
    /// <param name="cancel">Ends it between batches.</param>
    /// <exception cref="PlumblineException">A prompt leaves no room for an answer, or a reward gives what is no score.</exception>
    public IEnumerable<ScoredAnswers> Of(IReadOnlyList<Example> rows, int? count, Draws draws, CancellationToken cancel)
    {
        var each = count ?? _sampler.GroupSize;
        var prompts = PromptSet.Build(rows, new SequenceBuilder(stage.Policy, null, OverlongPolicy.Refuse), OverlongPolicy.Refuse, stage.Log);
        foreach (var some in prompts.Chunk(Math.Max(1, AnswersAtATime / each)))
        {
            cancel.ThrowIfCancellationRequested();
            foreach (var answers in Sample(some, each, draws, cancel))
            {
                yield return answers;
            }
        }
    }

    private ScoredAnswers[] Sample((Example Example, int[] Prompt)[] prompts, int each, Draws draws, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        stage.Policy.Network.eval();
        stage.Recorder.InHand(Kinds.Sampler + " " + sampler.Id, "sampling");
        var rollouts = _sampler.Sample(
            stage.Policy, [.. prompts.Select((prompt, group) => new SamplingRequest(prompt.Example, group, prompt.Prompt, each, draws.Key("answers").Key(prompt.Example.Index)))], cancel);
        var scores = new double[rollouts.Count];
        foreach (var (id, reward) in _rewards)
        {
            stage.Recorder.InHand(Kinds.Reward + " " + id, "scoring");
            var own = RewardScores.Of(reward, id, rollouts, new RewardContext(0, 1, draws.Key("reward").Key(prompts[0].Example.Index))).Values;
            scores = [.. scores.Zip(own, (sum, score) => sum + score)];
        }

        return [.. prompts.Select((prompt, i) => new ScoredAnswers(prompt.Example, [.. rollouts.Skip(i * each).Take(each)], scores[(i * each)..((i + 1) * each)]))];
    }
}
