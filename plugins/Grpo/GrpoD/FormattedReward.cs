using static TorchSharp.torch;

namespace Plumbline.Plugins.GrpoD;

/// <summary>Accuracy plus a weighted reward for the format, each logged by itself.</summary>
[Reward("grpo-d", Paper = "2503.16081", Title = "OThink-MR1: Stimulating multimodal generalized reasoning capabilities via dynamic reinforcement learning")]
public sealed class FormattedReward(FormattedRewardOptions options, IServiceProvider services) : IReward
{
    private readonly IReward _accuracy = options.Accuracy.Create(services);
    private readonly IReward _format = options.Format.Create(services);

    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        var (accuracy, format) = (_accuracy.Score(rollouts, context), _format.Score(rollouts, context));
        return new Scores([.. accuracy.Values.Zip(format.Values, (a, f) => a + (options.FormatWeight * f))])
        {
            Scored = accuracy.Scored,
            Components = new Dictionary<string, double[]> { ["accuracy"] = accuracy.Values, ["format"] = format.Values },
        };
    }

    /// <summary>R = accuracy + format_weight · format: rewards [N].</summary>
    /// <param name="accuracyRewards">[N].</param>
    /// <param name="formatRewards">[N].</param>
    /// <param name="options">The weight.</param>
    [Target("grpo-d/reward")]
    public static Outputs Join(Tensor accuracyRewards, Tensor formatRewards, JoinOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("accuracy_rewards", accuracyRewards).With("format_rewards", formatRewards).RequireSameShape("accuracy_rewards", "format_rewards");
        return new Outputs { ["rewards"] = accuracyRewards + (options.FormatWeight * formatRewards) };
    }
}
