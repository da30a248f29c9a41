using Plumbline.Plugins.Grpo;
using Plumbline.Plugins.Transformer;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Bench;

/// <summary>4 prompts of 192 tokens with 8 completions of 64: forward, clipped group-relative loss, backward, AdamW.</summary>
internal sealed class GrpoStep : Work
{
    private const int Prompts = 4;
    private const int Group = 8;
    private readonly Transformer _policy = NewModel();
    private readonly Optimization _optimization;
    private readonly Grpo _objective = new(new GrpoOptions { Beta = 0, EpsilonLow = 0.2 });
    private readonly PromptedSequence[] _sequences;
    private readonly Tensor _old;
    private readonly Tensor _advantages;
    private readonly Tensor _groups;
    private int _step;

    internal GrpoStep()
        : base(Prompts * Group * 256, runs: 5)
    {
        _optimization = NewOptimization(_policy);
        _policy.Network.train();
        var draws = Draws.Key("groups");
        _sequences = [.. Enumerable.Range(0, Prompts * Group).Select(row =>
            new PromptedSequence(Tokens(draws.Key(row / Group).Key("prompt"), 192), Tokens(draws.Key(row).Key("completion"), 64)))];
        using var scope = NewDisposeScope();
        using var still = no_grad();
        _old = new SequenceScorer(_policy).Score(_sequences).Logps.DetachFromDisposeScope();
        _advantages = tensor(Enumerable.Range(0, Prompts * Group).Select(row => (float)draws.Key(row).Key("advantage").Normal()).ToArray()).DetachFromDisposeScope();
        _groups = tensor(Enumerable.Range(0, Prompts * Group).Select(row => (long)(row / Group)).ToArray()).DetachFromDisposeScope();
    }

    internal override double Step()
    {
        using var scope = NewDisposeScope();
        var scored = new SequenceScorer(_policy).Score(_sequences);
        var loss = _objective.Compute(new GroupBatch
        {
            ["logps"] = scored.Logps,
            ["old_logps"] = _old,
            ["mask"] = scored.Mask,
            ["advantages"] = _advantages,
            ["group_ids"] = _groups,
        });
        _optimization.Step(loss.Value, _step++);
        return loss.Value.ToDouble();
    }

    public override void Dispose()
    {
        _old.Dispose();
        _advantages.Dispose();
        _groups.Dispose();
        _optimization.Dispose();
        _policy.Dispose();
    }
}
