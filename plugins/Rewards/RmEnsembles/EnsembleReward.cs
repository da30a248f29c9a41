using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RmEnsembles;

/// <summary>The scores of a trained ensemble, joined: their mean, the worst of them, or their mean less a multiple of their variance.</summary>
[Reward("rm-ensembles")]
public sealed class EnsembleReward(RmEnsemblesOptions options, RunContext run) : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        using var scope = NewDisposeScope();
        var combined = RmEnsembles.Combine(run.Models.Get<PreferenceModel>(options.Role).Scores([.. rollouts.Select(PromptedText.Of)]), options);
        return new(combined.Tensor("rewards").data<double>().ToArray())
        {
            Components = new Dictionary<string, double[]> { ["variance"] = combined.Tensor("variance").data<double>().ToArray() },
        };
    }
}
