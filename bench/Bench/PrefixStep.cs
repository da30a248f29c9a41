using Plumbline.Plugins.Transformer;
using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Bench;

/// <summary>A group of completions of one prompt: forward and backward pass of the scorer, the prompt run once or for each completion.</summary>
internal sealed class PrefixStep : Work
{
    private readonly Transformer _policy;
    private readonly PromptedSequence[] _sequences;
    private readonly SequenceScorer _scorer;

    internal PrefixStep(int prompt, int completion, int group, SharedPrefixMode mode)
        : base((long)group * (prompt + completion), runs: 7)
    {
        _policy = NewModel(prompt + completion);
        _scorer = new SequenceScorer(_policy, sharedPrefix: mode);
        _policy.Network.train();
        var draws = Draws.Key("prefix");
        _sequences = [.. Enumerable.Range(0, group).Select(row =>
            new PromptedSequence(Tokens(draws.Key("prompt"), prompt), Tokens(draws.Key(row).Key("completion"), completion)))];
        Ideal = group * (prompt + completion) / (double)(prompt + (group * completion));
    }

    /// <summary>How many times fewer tokens the shared form reads.</summary>
    internal double Ideal { get; }

    internal override double Step()
    {
        using var scope = torch.NewDisposeScope();
        _policy.Network.zero_grad();
        var loss = -_scorer.Score(_sequences).Logps.mean();
        loss.backward();
        return loss.ToDouble();
    }

    public override void Dispose() => _policy.Dispose();
}
