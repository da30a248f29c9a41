namespace Plumbline.Training;

/// <summary>Answers to stored prompts, sampled outside of a training step: for data made by the policy, and for measurements.</summary>
public static class PolicySamples
{
    private const int PromptsAtATime = 128;

    /// <summary>Samples answers; the network is in evaluation mode meanwhile.</summary>
    /// <param name="stage">Its policy samples.</param>
    /// <param name="sampler">What samples.</param>
    /// <param name="rows">The prompts; one that is too long loses its first tokens.</param>
    /// <param name="count">Answers a prompt.</param>
    /// <param name="draws">Source of chance; each answer's is keyed by its row's index.</param>
    /// <param name="cancel">Ends it.</param>
    /// <returns>The answers of the first row, then those of the second, and so on; a row's place is its group.</returns>
    public static IReadOnlyList<Rollout> Of(StageContext stage, ISampler sampler, IReadOnlyList<Example> rows, int count, Draws draws, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var prompts = PromptSet.Build(rows, new SequenceBuilder(stage.Policy, null, OverlongPolicy.TruncatePrompt), OverlongPolicy.TruncatePrompt, stage.Log);
        return Of(stage, sampler, [.. prompts.Select((prompt, i) => new SamplingRequest(prompt.Example, i, prompt.Prompt, count, draws.Key(prompt.Example.Index)))], cancel);
    }

    /// <summary>Samples what is asked for; a prompt may end with the beginning of an answer, which is then continued.</summary>
    public static IReadOnlyList<Rollout> Of(StageContext stage, ISampler sampler, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(sampler);
        var network = stage.Policy.Network;
        var training = network.training;
        network.eval();
        try
        {
            var rollouts = new List<Rollout>();
            foreach (var some in requests.Chunk(PromptsAtATime))
            {
                cancel.ThrowIfCancellationRequested();
                rollouts.AddRange(sampler.Sample(stage.Policy, some, cancel));
            }

            return rollouts;
        }
        finally
        {
            network.train(training);
        }
    }

    /// <summary>A column of stored answers as the sequences that a model scores.</summary>
    /// <param name="stage">Its policy's tokenizer reads them.</param>
    /// <param name="rows">A prompt that is too long loses its first tokens.</param>
    /// <param name="columns">The answers' columns.</param>
    /// <returns>A row's answers next to each other.</returns>
    public static IReadOnlyList<PromptedSequence> Stored(StageContext stage, IReadOnlyList<Example> rows, params string[] columns)
    {
        ArgumentNullException.ThrowIfNull(stage);
        return [.. new SequenceBuilder(stage.Policy, null, OverlongPolicy.TruncatePrompt).Build(rows, stage.Log, columns).SelectMany(row => row.Sequences)];
    }
}
