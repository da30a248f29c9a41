using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>Negative mean log-probability of the completions' tokens.</summary>
internal sealed class Likelihood : SequenceObjective
{
    internal static Part<SequenceObjective> Part => Part<SequenceObjective>.Of("likelihood", new Likelihood());

    public override Loss Compute(SequenceBatch batch) => new(-(batch.Logps * batch.Mask).sum() / batch.Mask.sum()) { ["tokens"] = (long)batch.Mask.sum().ToDouble() };
}

/// <summary>Logistic loss of the difference of two answers' log-probabilities, against a reference where asked for.</summary>
internal sealed class Preference(bool reference) : PairObjective
{
    public override Needs Needs => reference ? Needs.Reference : Needs.None;

    internal static Part<PairObjective> Part(bool reference) => Part<PairObjective>.Of("preference", new Preference(reference));

    public override Loss Compute(PairBatch batch)
    {
        batch.RequireShapes(reference);
        var margin = batch.PolicyChosenLogps.sum(1) - batch.PolicyRejectedLogps.sum(1);
        if (reference)
        {
            margin = margin - (batch.ReferenceChosenLogps.sum(1) - batch.ReferenceRejectedLogps.sum(1));
        }

        return new Loss(-nn.functional.logsigmoid(margin).mean()) { ["margin"] = margin.detach() };
    }
}

/// <summary>Policy gradient with a ratio; keeps what each batch held.</summary>
internal sealed class PolicyGradient(Needs needs = Needs.None) : GroupObjective
{
    internal sealed record Seen(string[] Names, long[] Groups, double[] Advantages, double LargestLogRatio, double ReferenceGap, double LowestEntropy);

    internal List<Seen> Batches { get; } = [];

    internal Action? OnCompute { get; set; }

    public override Needs Needs => needs;

    public override Loss Compute(GroupBatch batch)
    {
        OnCompute?.Invoke();
        var logRatio = batch.OldLogps is { } old ? batch.Logps - old : batch.Logps - batch.Logps.detach();
        double Largest(Tensor tensor) => (tensor.detach() * batch.Mask).abs().max().ToDouble();
        Batches.Add(new Seen(
            [.. batch.Names],
            batch["group_ids"].data<long>().ToArray(),
            batch.Advantages.to_type(ScalarType.Float64).data<double>().ToArray(),
            Largest(logRatio),
            batch.Has("reference_logps") ? Largest(batch.Logps - batch.ReferenceLogps) : 0,
            batch.Has("entropies") ? (batch.Entropies.detach() + (1 - batch.Mask)).min().ToDouble() : 0));
        var loss = -(logRatio.exp() * batch.Advantages.unsqueeze(1) * batch.Mask).sum() / batch.Mask.sum();
        // The loss is named as a metric too, as many an objective does.
        return new Loss(loss) { ["policy_loss"] = loss, ["ratio_gap"] = logRatio.abs() };
    }
}

/// <summary>Rewards less their group's mean; keeps the inputs.</summary>
internal sealed class LessGroupMean : IGroupAdvantage
{
    internal List<long[]> RewardShapes { get; } = [];

    internal List<bool[]> Scored { get; } = [];

    public Outputs Compute(Batch batch)
    {
        var rewards = batch["rewards"];
        RewardShapes.Add(rewards.shape);
        if (batch.Find("scored") is { } scored)
        {
            Scored.Add(scored.data<bool>().ToArray());
        }

        var total = rewards.dim() == 2 ? rewards.sum(1) : rewards;
        var same = batch["group_ids"].unsqueeze(0).eq(batch["group_ids"].unsqueeze(1)).to_type(total.dtype);
        return new Outputs { ["advantages"] = total - (same.matmul(total) / same.sum(1)), ["groups"] = same.shape[0] };
    }
}

/// <summary>The whole score at the last token.</summary>
internal sealed class ScoreAtEnd : ITokenReward
{
    public bool NeedsReference => true;

    public double KlCoef => 0.1;

    public Outputs Compute(Batch batch)
    {
        var mask = batch["mask"];
        var last = mask - cat([mask.narrow(1, 1, mask.shape[1] - 1), zeros_like(mask.narrow(1, 0, 1))], 1);
        var kl = ((batch["old_logps"] - batch["reference_logps"]) * mask).sum(1).mean();
        return new Outputs { ["token_rewards"] = last * batch["rewards"].unsqueeze(1), ["mean_kl"] = kl };
    }
}

/// <summary>Returns are the sums of rewards to come, advantages what they exceed the values by.</summary>
internal sealed class RewardsToCome : ITokenAdvantage
{
    public Outputs Compute(Batch batch)
    {
        var rewards = batch["token_rewards"];
        var returns = (rewards.sum(1, true) - rewards.cumsum(1) + rewards) * batch["mask"];
        return new Outputs { ["advantages"] = (returns - batch["values"]) * batch["mask"], ["returns"] = returns };
    }
}

/// <summary>Policy gradient and squared error of the values, weighted.</summary>
internal sealed class ActorCriticLoss(double actor = 1, double critic = 1) : ActorCriticObjective
{
    internal List<double> LargestLogRatio { get; } = [];

    public override Loss Compute(ActorCriticBatch batch)
    {
        var ratio = batch.Logps - batch.OldLogps;
        LargestLogRatio.Add((ratio.detach() * batch.Mask).abs().max().ToDouble());
        var policy = -(ratio.exp() * batch.Advantages * batch.Mask).sum() / batch.Mask.sum();
        var value = ((batch.Values - batch.Returns).pow(2) * batch.Mask).sum() / batch.Mask.sum();
        return new Loss((policy * actor) + (value * critic)) { ["value_loss"] = value.detach() };
    }
}

/// <summary>A score of each completion by a function.</summary>
internal sealed class Scoring(Func<Rollout, double> score) : RowReward
{
    internal static Part<IReward> Part(string id, Func<Rollout, double> score) => Part<IReward>.Of(id, new Scoring(score));

    /// <summary>The share of the letter a.</summary>
    internal static Part<IReward> LikesA => Part("likes-a", rollout => rollout.Text.Count(letter => letter == 'a') / (double)rollout.Completion.Length);

    public override double Score(Rollout rollout) => score(rollout);
}
