using TorchSharp;

namespace Plumbline.Training;

/// <summary>Prompts of a stage and answers to them, from whatever model: what the loops that judge pairs have in common.</summary>
internal sealed class AnswerSource
{
    private readonly StageContext _stage;
    private readonly List<(Example Example, int[] Prompt)> _prompts;

    internal AnswerSource(TextTrainingOptions options, StageContext stage, CancellationToken cancel)
    {
        _stage = stage;
        _prompts = PromptSet.Build(options.Rows(stage, cancel), new SequenceBuilder(stage.Policy, options.MaxLength, options.Overlong), options.Overlong, stage.Log);
    }

    /// <summary>Prompts of the data set.</summary>
    internal int Count => _prompts.Count;

    /// <summary>Answers to prompts, all of one prompt next to each other. The draws of an answer depend on step, purpose, prompt and sample alone.</summary>
    /// <param name="model">Gives the answers, in evaluation mode if it is the policy.</param>
    /// <param name="sampler">How.</param>
    /// <param name="prompts">Places in the data set; each is a group.</param>
    /// <param name="count">Answers a prompt.</param>
    /// <param name="step">The stage's step.</param>
    /// <param name="purpose">Keeps the draws of two samples of one step apart.</param>
    /// <param name="cancel">Ends it.</param>
    internal IReadOnlyList<Rollout> Sample(ICausalModel model, (string Id, ISampler Sampler) sampler, int[] prompts, int count, int step, string purpose, CancellationToken cancel)
    {
        _stage.Recorder.InHand(Kinds.Sampler + " " + sampler.Id, "sampling");
        var draws = _stage.Draws.Key("sample").Key(step).Key(purpose);
        model.Network.eval();
        try
        {
            var rollouts = sampler.Sampler.Sample(
                model,
                [.. prompts.Select((prompt, group) => new SamplingRequest(_prompts[prompt].Example, group, _prompts[prompt].Prompt, count, draws.Key(group).Key(_prompts[prompt].Example.Index)))],
                cancel);
            cancel.ThrowIfCancellationRequested();
            return rollouts;
        }
        finally
        {
            _stage.Policy.Network.train();
        }
    }
}
