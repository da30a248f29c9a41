using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gtpo;

/// <summary>GTPO: a group's completions that share an opening or an ending with one of the opposite sign get no negative update there, and the policy's entropy is kept in bounds; no reference model.</summary>
/// <remarks>
/// Inputs: logps, mask, entropies [N,T]; tokens [N,T] int; rewards, group_ids [N]; old_logps, absent on the first update, where the ratio is exactly 1;
/// initial_entropy, a number, where it was measured. Outputs: loss, advantages (with the entropy's share), kept (1: entropy below the threshold), mean_entropy [N];
/// conflict_count [N].
/// </remarks>
[Algorithm("gtpo", Loop.OnlineGroups, Paper = "2508.03772", Title = "GTPO: Trajectory-Based Policy Optimization in Large Language Models")]
[Default("learning_rate", 1e-6)]
[Default("max_grad_norm", 0.1)]
public sealed class Gtpo(GtpoOptions options) : GroupObjective, IStatefulObjective
{
    private InitialEntropy? _initial;

    /// <inheritdoc/>
    public override Needs Needs => Needs.Rewards | Needs.Entropies;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["entropy_scale"] = options.EntropyScale };

    /// <summary>-1/N Σ δ (A - γ H)/len Σ ρ λ.</summary>
    public override Loss Compute(GroupBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "entropies", "old_logps");
        batch.RequireSameRows("logps", "rewards", "group_ids");
        var conflicts = ConflictMask(batch.Tokens, batch.Mask, batch.Rewards, batch.GroupIds);
        batch.RequireSameShape("logps", "mask");

        var entropy = Masked.RowMean(batch.Entropies.detach(), batch.Mask);
        var filtered = !((batch.Number("initial_entropy") ?? options.InitialEntropy) > options.EntropyThreshold);
        var kept = filtered ? Masked.Indicator(entropy.le(options.EntropyThreshold), entropy) : ones_like(entropy);
        var advantages = kept * (conflicts.Tensor("advantages") - ((batch.Number("entropy_scale") ?? options.EntropyScale) * entropy));

        var ratio = PolicyRatio.Of(batch.Logps, batch.OldLogps, batch.Mask);
        var count = conflicts.Tensor("conflict_count");
        var scale = batch.Mask.sum(1).clamp_min(1) * (options.DivideByConflicts ? count.clamp_min(1) : ones_like(count));
        return new Loss(-(advantages / scale * Masked.RowSum(ratio, conflicts.Tensor("lambda"))).mean())
        {
            ["advantages"] = advantages,
            ["kept"] = kept,
            ["mean_entropy"] = entropy,
            ["conflict_count"] = count,
        };
    }

    /// <summary>Weights of tokens: lambda [N,T]; conflict [N,T] bool; conflict_count, advantages (r - mean of the group) [N].</summary>
    /// <param name="tokens">[N,T] int64 token ids.</param>
    /// <param name="mask">[N,T] 1 at completion tokens, else 0; right-padded.</param>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int.</param>
    /// <remarks>A row with the advantage 0 takes no part; its lambda is the mask.</remarks>
    [Target("gtpo/conflict_mask")]
    public Outputs ConflictMask(Tensor tokens, Tensor mask, Tensor rewards, Tensor groupIds)
    {
        var batch = new Batch().With("mask", mask).With("tokens", tokens).With("rewards", rewards).With("group_ids", groupIds);
        batch.RequireSameShape("mask", "tokens");
        batch.RequireSameRows("mask", "rewards", "group_ids");
        Masked.RequireRightPadded(mask);
        var groups = new Groups(groupIds);
        var centred = groups.Centre(rewards);
        var advantages = centred * Masked.Indicator(centred.abs().ge(1e-8), centred);
        var (above, below) = (Masked.Indicator(advantages.gt(0), mask).unsqueeze(1), Masked.Indicator(advantages.lt(0), mask).unsqueeze(1));

        // Right-padded rows turned round: their last token comes first, their padding stays where it is.
        var places = arange(mask.shape[1], ScalarType.Int64, mask.device).unsqueeze(0);
        var back = where(mask.gt(0), mask.sum(1, true).to_type(ScalarType.Int64) - 1 - places, places);
        var opening = SharedRun(tokens, mask, above, below, groups);
        var ending = SharedRun(tokens.gather(1, back), mask, above, below, groups).gather(1, back);
        var conflict = opening.maximum(ending);
        // What multiplies a token in one of the runs: the weight above the mean, 0 below it.
        var factor = above * options.ConflictWeight;
        return new Outputs
        {
            ["lambda"] = mask * (1 + ((factor - 1) * opening)) * (1 + ((factor - 1) * ending)),
            ["conflict"] = conflict.gt(0),
            ["conflict_count"] = conflict.sum(1),
            ["advantages"] = advantages,
        };
    }

    /// <summary>[N,T] 1 on the longest unbroken opening whose every token is at the same place of a row above the group's mean and of one below it.</summary>
    private static Tensor SharedRun(Tensor tokens, Tensor mask, Tensor above, Tensor below, Groups groups)
    {
        // Group, place and token as one number: rows that agree in it meet.
        var places = arange(mask.shape[1], ScalarType.Int64, mask.device).unsqueeze(0);
        var meeting = new Groups((((groups.Index.unsqueeze(1) * mask.shape[1]) + places) * (tokens.max() + 1) + tokens).flatten());
        Tensor Met(Tensor rows) => meeting.Spread(meeting.Sum((rows * mask).flatten())).view_as(mask).gt(0);
        return Masked.Indicator(Met(above).logical_and(Met(below)), mask).cumprod(1) * mask * (above + below);
    }

    /// <inheritdoc/>
    public nn.Module Begin(ICausalModel? policy, Draws draws) => _initial = InitialEntropy.Unmeasured();

    /// <inheritdoc/>
    public void Prepare(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (options.MeasureInitialEntropy)
        {
            // Begin comes before the first Prepare; the first batch comes from the policy as it was then.
            batch.With("initial_entropy", _initial!.Value ??= Masked.Mean(batch["entropies"].detach(), batch["mask"]).ToDouble());
        }
    }

    /// <inheritdoc/>
    public void Finish(Batch batch, Loss loss)
    {
    }
}
