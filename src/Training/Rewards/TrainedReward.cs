using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>trained-reward</c>.</summary>
public sealed record TrainedRewardOptions
{
    /// <summary>The role of the trained model.</summary>
    public string Role { get; init; } = "reward";

    /// <summary>Which member of an ensemble, from 0; null: the only one there is.</summary>
    [NonNegative]
    public int? Member { get; init; }
}

/// <summary>The score of a model that an earlier stage has trained.</summary>
[Reward("trained-reward")]
public sealed class TrainedReward(TrainedRewardOptions options, RunContext run) : IReward
{
    /// <inheritdoc/>
    public Scores Score(IReadOnlyList<Rollout> rollouts, RewardContext context)
    {
        var members = run.Models.Get<PreferenceModel>(options.Role).Members;
        if (options.Member is null && members.Count > 1 || options.Member >= members.Count)
        {
            throw new PlumblineException($"the model '{options.Role}' has {members.Count} members; set \"member\" from 0 to {members.Count - 1}, or use a reward that joins them");
        }

        using var scope = NewDisposeScope();
        return new(members[options.Member ?? 0].Scores([.. rollouts.Select(PromptedText.Of)]).data<double>().ToArray());
    }
}
