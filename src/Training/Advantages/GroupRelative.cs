using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Each completion's reward against its group's mean, over the group's standard deviation (GRPO, arXiv 2402.03300, section 4.1.2).</summary>
/// <remarks>
/// Inputs: rewards [N] or [N,K]; group_ids [N]; scored [N] bool, absent: all are. A row that no reward scored is left out of every statistic
/// and gets 0. Outputs: advantages, reward_mean, reward_std [N] (the statistics used), frac_zero_std [] (the share of groups without spread).
/// </remarks>
[Advantage(Id, Paper = "2402.03300", Title = "DeepSeekMath: Pushing the Limits of Mathematical Reasoning in Open Language Models")]
public sealed class GroupRelative(GroupRelativeOptions options) : IGroupAdvantage, ITransitionAdvantage
{
    internal const string Id = "group-relative";
    private const double NoSpread = 1e-8;

    /// <inheritdoc/>
    [Target("grpo/advantages")]
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameRows("rewards", "group_ids", "scored");
        var each = batch["rewards"].dim() == 2 ? batch["rewards"] : batch["rewards"].unsqueeze(1);
        var weights = Weights(each);
        var groups = new Groups(batch["group_ids"]);
        var scored = batch.Find("scored")?.to_type(each.dtype) ?? ones_like(each.select(1, 0));

        var total = (each * weights).sum(1);
        var (_, spread, _) = groups.Statistics(total, scored, options.StdDdof);
        var apart = options.MultiObjectiveAggregation == RewardAggregation.NormalizeThenSum;
        var (value, mean, std) = apart ? NormalizeThenSum(each, weights, groups, scored) : SumThenNormalize(total, groups, scored);
        var advantages = value - mean;
        if (apart || options.ScaleRewards != RewardScale.None)
        {
            advantages = advantages / (std + options.StdEpsilon);
        }

        return new Outputs
        {
            ["advantages"] = advantages * scored,
            ["reward_mean"] = mean,
            ["reward_std"] = std,
            ["frac_zero_std"] = Masked.Indicator(spread.lt(NoSpread), each).mean(),
        };
    }

    private (Tensor Value, Tensor Mean, Tensor Std) SumThenNormalize(Tensor total, Groups groups, Tensor scored)
    {
        var (mean, std) = groups.RowStatistics(total, scored, options.StdDdof, options.Singleton);
        return (total, mean, options.ScaleRewards == RewardScale.Batch ? OverBatch(total, scored).Std : std);
    }

    private (Tensor Value, Tensor Mean, Tensor Std) NormalizeThenSum(Tensor each, Tensor weights, Groups groups, Tensor scored)
    {
        var (mean, std) = groups.RowStatistics(each, scored.unsqueeze(1).expand_as(each), options.StdDdof, options.Singleton);
        var sum = ((each - mean) / (std + options.StdEpsilon) * weights).sum(1);
        var (batchMean, batchStd) = OverBatch(sum, scored);
        return (sum, batchMean, batchStd);
    }

    private (Tensor Mean, Tensor Std) OverBatch(Tensor values, Tensor scored) =>
        new Groups(zeros_like(values, ScalarType.Int64)).RowStatistics(values, scored, options.StdDdof);

    private Tensor Weights(Tensor each)
    {
        var k = each.shape[1];
        if (options.RewardWeights is not { } weights)
        {
            return ones([k], each.dtype, each.device);
        }

        return weights.Count == k ? tensor(weights.ToArray(), each.dtype, each.device)
            : throw new InvalidInputException($"reward_weights has {weights.Count} weights, and there are {k} rewards; give one each");
    }
}
