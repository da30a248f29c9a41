using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PrefixGrouper;

/// <summary>Options of <c>prefix-grouper-equality</c>.</summary>
public sealed record EqualityOptions
{
    /// <summary>What the results' names begin with.</summary>
    public string Name { get; init; } = "shared";

    /// <summary>Tokens of the prompt.</summary>
    [Positive]
    public int Prompt { get; init; } = 512;

    /// <summary>Tokens of each completion.</summary>
    [Positive]
    public int Completion { get; init; } = 32;

    /// <summary>Completions.</summary>
    [Positive]
    public int Group { get; init; } = 8;
}

/// <summary>Of the claim of <c>prefix-grouper</c>: how far loss and gradients of the shared form are from those of the repeated form, and what both cost.</summary>
/// <remarks>
/// Random tokens under the policy as it is; the loss is a randomly weighted sum of the completions' log-probabilities. Results: NAME_loss_gap and
/// NAME_gradient_gap (the largest over all parameters), relative to the repeated form's largest entry; NAME_token_ratio, NAME_attention_ratio.
/// </remarks>
[Evaluation("prefix-grouper-equality")]
public sealed class Equality(EqualityOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        var (policy, draws) = (stage.Policy, stage.Run.Draws.Key("equality").Key(options.Name));
        var prompt = Tokens(draws.Key("prompt"), options.Prompt);
        PromptedSequence[] sequences = [.. Enumerable.Range(0, options.Group).Select(i => new PromptedSequence(prompt, Tokens(draws.Key("completion").Key(i), options.Completion)))];
        var weights = tensor(Enumerable.Range(0, options.Group * options.Completion).Select(i => draws.Key("weight").Key(i).Normal()).ToArray(), [options.Group, options.Completion]);
        var (repeated, shared) = (Of(SharedPrefixMode.Off), Of(SharedPrefixMode.On));
        var cost = SharedPrefixCost.Of(new PackedGroup(options.Prompt, [.. sequences.Select(sequence => sequence.Completion.Length)]));
        return new Dictionary<string, double>
        {
            [options.Name + "_loss_gap"] = Gap(repeated[0], shared[0]),
            [options.Name + "_gradient_gap"] = repeated.Zip(shared, Gap).Skip(1).Max(),
            [options.Name + "_token_ratio"] = cost.BaselineTokens / (double)cost.SharedTokens,
            [options.Name + "_attention_ratio"] = cost.BaselinePairs / (double)cost.SharedPairs,
        };

        // The loss, then its gradients.
        Tensor[] Of(SharedPrefixMode mode)
        {
            using var recording = enable_grad();
            var logps = new SequenceScorer(policy, sharedPrefix: mode).Score(sequences).Logps;
            var loss = (logps * weights.to(logps.device).to_type(logps.dtype)).sum();
            return [loss.detach(), .. autograd.grad([loss], [.. policy.Network.parameters()]).Select(gradient => gradient!)];
        }

        int[] Tokens(Draws from, int count) => [.. Enumerable.Range(0, count).Select(i => from.Key(i).Below(policy.Tokenizer.VocabularySize))];
    }

    private static double Gap(Tensor expected, Tensor actual) => ((expected - actual).abs().max() / expected.abs().max().clamp_min(1e-30)).to_type(ScalarType.Float64).ToDouble();
}

/// <summary>Of the claim of <c>prefix-grouper</c>: the mean of a completion's token ids, over the largest byte. Random completions differ in it.</summary>
[Reward("prefix-grouper-tokens")]
public sealed class MeanToken : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return rollout.Completion.Average() / byte.MaxValue;
    }
}
