using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.Transformer;
using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Bench;

/// <summary>8 pairs, prompt 32, answer 96: policy forward, reference forward without gradient, DPO loss, backward, AdamW.</summary>
internal sealed class DpoStep : Work
{
    private const int Pairs = 8;
    private readonly Transformer _policy = NewModel();
    private readonly ICausalModel _reference;
    private readonly Optimization _optimization;
    private readonly Dpo _objective = new(new DpoOptions { Beta = 0.1 });
    private readonly PromptedSequence[] _sequences;
    private int _step;

    internal DpoStep()
        : base(2 * Pairs * 128, runs: 12)
    {
        _reference = (ICausalModel)_policy.Freeze();
        _optimization = NewOptimization(_policy);
        _policy.Network.train();
        var draws = Draws.Key("pairs");
        _sequences = [.. Enumerable.Range(0, 2 * Pairs).Select(row => new PromptedSequence(Tokens(draws.Key(row).Key("prompt"), 32), Tokens(draws.Key(row).Key("answer"), 96)))];
    }

    internal override double Step()
    {
        using var scope = torch.NewDisposeScope();
        var policy = new SequenceScorer(_policy).Score(_sequences);
        torch.Tensor reference;
        using (torch.no_grad())
        {
            reference = new SequenceScorer(_reference).Score(_sequences).Logps;
        }

        var loss = _objective.Compute(new PairBatch
        {
            ["policy_chosen_logps"] = policy.Logps.narrow(0, 0, Pairs),
            ["policy_rejected_logps"] = policy.Logps.narrow(0, Pairs, Pairs),
            ["reference_chosen_logps"] = reference.narrow(0, 0, Pairs),
            ["reference_rejected_logps"] = reference.narrow(0, Pairs, Pairs),
            ["chosen_mask"] = policy.Mask.narrow(0, 0, Pairs),
            ["rejected_mask"] = policy.Mask.narrow(0, Pairs, Pairs),
        });
        _optimization.Step(loss.Value, _step++);
        return loss.Value.ToDouble();
    }

    public override void Dispose()
    {
        _optimization.Dispose();
        _reference.Dispose();
        _policy.Dispose();
    }
}
