using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Completions of an evaluation's prompts with their scores.</summary>
/// <remarks>Their draws are keyed apart from every stage's, and alike before and after: only the policy differs.</remarks>
internal sealed class EvaluationSamples(EvaluationOptions options, Part<ISampler> sampler, Part<IReward> reward)
{
    /// <summary>Batch by batch, the completions of a prompt next to each other. A batch's tensors die before the next one.</summary>
    internal IEnumerable<(IReadOnlyList<Rollout> Rollouts, Scores Scores)> Of(StageContext stage, CancellationToken cancel)
    {
        var (samples, scores) = (sampler.Create(stage.Services), reward.Create(stage.Services));
        var builder = new SequenceBuilder(stage.Policy, null, OverlongPolicy.TruncatePrompt);
        var prompts = PromptSet.Build(options.Examples(stage), builder, OverlongPolicy.TruncatePrompt, stage.Log);
        var draws = stage.Run.Draws.Key("evaluation").Key(options.Data.Id);
        stage.Policy.Network.eval();
        foreach (var chunk in prompts.Chunk(options.BatchSize))
        {
            using var scope = NewDisposeScope();
            cancel.ThrowIfCancellationRequested();
            stage.Recorder.InHand(Kinds.Sampler + " " + sampler.Id, "evaluating");
            var rollouts = samples.Sample(
                stage.Policy,
                [.. chunk.Select((prompt, i) => new SamplingRequest(prompt.Example, i, prompt.Prompt, samples.GroupSize, draws.Key(prompt.Example.Index)))],
                cancel);
            stage.Recorder.InHand(Kinds.Reward + " " + reward.Id, "evaluating");
            yield return (rollouts, RewardScores.Of(scores, reward.Id, rollouts, new RewardContext(0, 0, draws.Key("reward"))));
        }
    }
}
