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

/// <summary>Swaps the answers of a share of the pairs, drawn once for each row: label noise.</summary>
[Transform("flip-labels")]
public sealed class FlipLabels(FlipLabelsOptions options) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) => [.. rows.Select(row =>
    {
        if (draws.Key(row.Index).Uniform() >= options.NoiseRate)
        {
            return row;
        }

        var columns = row.Columns.DeepClone().AsObject();
        (columns["chosen"], columns["rejected"]) = (row.Text("rejected"), row.Text("chosen"));
        return row with { Columns = columns };
    })];
}
