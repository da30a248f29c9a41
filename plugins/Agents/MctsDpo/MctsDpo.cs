using Plumbline.Training;
using Plumbline.Training.Search;
using static TorchSharp.torch;

namespace Plumbline.Plugins.MctsDpo;

/// <summary>MCTS-DPO: the policy searches a tree of steps, the best and the worst step of each node on the way make a pair, and DPO trusts a pair by how often its steps were visited.</summary>
/// <remarks>
/// Inputs: those of DPO; chosen_visits, rejected_visits [B] where conservative; chosen_tokens, rejected_tokens [B,T], where there are any, so that what both
/// sides begin with counts on neither. Outputs: loss; chosen_rewards, rejected_rewards [B], without gradient; smoothing [B], not with ipo.
/// </remarks>
[Algorithm("mcts-dpo", Loop.SearchPairs, Paper = "2405.00451", Title = "Monte Carlo Tree Search Boosts Reasoning via Iterative Preference Learning")]
[Default("pairs", "mcts-dpo")]
[Default("learning_rate", 1e-6)]
public sealed class MctsDpo(MctsDpoOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => options is { Conservative: true, LossType: MctsDpoLoss.Sigmoid } ? [new Column("chosen_visits"), new Column("rejected_visits")] : [];

    /// <summary>-(1 - a) log σ(h) - a log σ(-h), h = β (log-ratio of the chosen step - that of the rejected one); the mean over the pairs.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        (batch, var keep) = Trimmed(batch);
        var ipo = options.LossType == MctsDpoLoss.Ipo;
        var (chosen, rejected) = PairLogRatios.Of(batch, lengthNormalized: ipo);
        var margin = chosen - rejected;
        if (ipo)
        {
            var squares = PairLosses.Squared(margin, 1 / (2 * options.Beta));
            return PairLosses.WithMetrics(Masked.Mean(squares, keep), squares, options.Beta * chosen, options.Beta * rejected);
        }

        var a = options.Conservative ? Smoothing(batch["chosen_visits"], batch["rejected_visits"], margin) : zeros_like(margin).detach();
        var h = options.Beta * margin;
        var losses = ((1 - a) * PairLosses.Logistic(h)) + (a * PairLosses.Logistic(-h));
        var loss = PairLosses.WithMetrics(Masked.Mean(losses, keep), losses, options.Beta * chosen, options.Beta * rejected);
        loss["smoothing"] = a;
        return loss;
    }

    /// <summary>a = min(1 - 1/(1 + N_l / max(1, N_w)), 1/2): about the rejected step's share of the visits.</summary>
    internal static double Smoothing(double chosenVisits, double rejectedVisits) => Math.Min(1 - (1 / (1 + (rejectedVisits / Math.Max(1, chosenVisits)))), 0.5);

    private static Tensor Smoothing(Tensor chosenVisits, Tensor rejectedVisits, Tensor like)
    {
        new Batch().With("margin", like).With("chosen_visits", chosenVisits).With("rejected_visits", rejectedVisits).RequireSameRows("margin", "chosen_visits", "rejected_visits");
        var (most, least) = (chosenVisits.to_type(like.dtype), rejectedVisits.to_type(like.dtype));
        return (1 - (1 / (1 + (least / most.clamp_min(1))))).clamp_max(0.5);
    }

    /// <summary>Takes from both masks what the two sides begin with; 1 for each pair of which something is left.</summary>
    private static (PairBatch Batch, Tensor Keep) Trimmed(PairBatch batch)
    {
        var like = batch.PolicyChosenLogps;
        if (batch.Find("chosen_tokens") is not { } chosen || batch.Find("rejected_tokens") is not { } rejected || chosen.shape[1] != rejected.shape[1])
        {
            return (batch, ones([like.shape[0]], like.dtype, like.device));
        }

        var trimmed = Trim(chosen, rejected, batch.ChosenMask, batch.RejectedMask);
        var rest = new PairBatch(batch.Names.Where(name => batch.Find(name) is not null).Select(name => KeyValuePair.Create(name, (object)batch[name])));
        rest.With("chosen_mask", trimmed.Tensor("chosen_mask")).With("rejected_mask", trimmed.Tensor("rejected_mask"));
        return trimmed.Tensor("keep").any().ToBoolean() ? (rest, Masked.Indicator(trimmed.Tensor("keep"), like))
            : throw new InvalidInputException("every pair's two sides begin alike and one has nothing after that: their masks ('chosen_mask', 'rejected_mask') leave nothing to learn from");
    }

    /// <summary>Masks without what two texts begin with alike: chosen_mask, rejected_mask [B,T]; keep [B], false where one has nothing left.</summary>
    /// <param name="chosenTokens">[B,T] int64.</param>
    /// <param name="rejectedTokens">[B,T] int64.</param>
    /// <param name="chosenMask">[B,T] 1 at the text's tokens; a place where one mask alone is 1 counts as a difference.</param>
    /// <param name="rejectedMask">[B,T].</param>
    [Target("mcts-dpo/trim")]
    public static Outputs Trim(Tensor chosenTokens, Tensor rejectedTokens, Tensor chosenMask, Tensor rejectedMask)
    {
        ArgumentNullException.ThrowIfNull(chosenTokens);
        ArgumentNullException.ThrowIfNull(chosenMask);
        new Batch().With("chosen_tokens", chosenTokens).With("rejected_tokens", rejectedTokens).With("chosen_mask", chosenMask).With("rejected_mask", rejectedMask)
            .RequireSameShape("chosen_tokens", "rejected_tokens", "chosen_mask", "rejected_mask");
        var both = (chosenMask * rejectedMask).gt(0);
        var differ = chosenMask.ne(rejectedMask).logical_or(chosenTokens.ne(rejectedTokens).logical_and(both));
        var rest = Masked.Indicator(differ.to_type(ScalarType.Int64).cumsum(1).gt(0), chosenMask);
        var (chosen, rejected) = (chosenMask * rest, rejectedMask * rest);
        return new Outputs { ["chosen_mask"] = chosen, ["rejected_mask"] = rejected, ["keep"] = chosen.sum(1).gt(0).logical_and(rejected.sum(1).gt(0)) };
    }

    /// <summary>p = exp(Σ logps / L^length_penalty) of each step of L tokens: priors [N].</summary>
    /// <param name="logps">[N,T].</param>
    /// <param name="mask">[N,T].</param>
    /// <param name="options">The penalty.</param>
    [Target("mcts-dpo/prior")]
    public static Outputs Prior(Tensor logps, Tensor mask, PriorOptions options)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("mask", mask).RequireSameShape("logps", "mask");
        Masked.RequireTokensInEveryRow(mask, "mask");
        return new Outputs { ["priors"] = (Masked.RowSum(logps, mask) / mask.sum(-1).pow(options.LengthPenalty)).exp() };
    }

    /// <summary>Confidence, less the deeper it lies, and the outcome at the end: values [N].</summary>
    [Target("mcts-dpo/node_value")]
    public static Outputs NodeValue(
        IReadOnlyList<double> confidences, IReadOnlyList<int> parentDepth, IReadOnlyList<double> parentValues, IReadOnlyList<int> outcomes, IReadOnlyList<int> novel, NodeValueOptions options)
    {
        ArgumentNullException.ThrowIfNull(confidences);
        ArgumentNullException.ThrowIfNull(options);
        if (new[] { parentDepth?.Count, parentValues?.Count, outcomes?.Count, novel?.Count }.Any(count => count != confidences.Count))
        {
            throw new InvalidInputException($"the shape of 'confidences' is [{confidences.Count}], and 'parent_depth', 'parent_values', 'outcomes' and 'novel' must have the same");
        }

        return new Outputs
        {
            ["values"] = confidences.Select((confidence, i) => StaticValue.Of(
                confidence, parentDepth![i], parentValues![i], outcomes![i], novel![i] != 0, options.LongDepth, options.NoveltyBonus, options.MultipleChoice)).ToArray(),
        };
    }

    /// <summary>The child with the highest q + exploration · prior · √(visits of the node) / (1 + visits): selected; scores, a child each.</summary>
    [Target("mcts-dpo/puct_select")]
    public static Outputs Select(IReadOnlyList<int> parent, IReadOnlyList<int> visits, IReadOnlyList<double> q, IReadOnlyList<double> priors, int node, PuctOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var tree = SearchTree.Of(parent, visits, q, priors: priors);
        return new Outputs { ["scores"] = TreeStatistics.PuctScores(tree, node, options.Exploration), ["selected"] = TreeStatistics.PuctSelect(tree, node, options.Exploration) };
    }

    /// <summary>Paths backed up one after the other: visits, q, v [M].</summary>
    [Target("mcts-dpo/backup")]
    public static Outputs Backup(
        IReadOnlyList<int> parent, IReadOnlyList<double> values, IReadOnlyList<int> visits, IReadOnlyList<double> q, IReadOnlyList<double> v, IReadOnlyList<IReadOnlyList<int>> paths, BackupOptions options)
    {
        ArgumentNullException.ThrowIfNull(paths);
        ArgumentNullException.ThrowIfNull(options);
        var tree = SearchTree.Of(parent, visits, q, values, v);
        foreach (var path in paths)
        {
            TreeStatistics.Backup(tree, path, options.Discount);
        }

        return new Outputs { ["visits"] = tree.Select(node => node.Visits).ToArray(), ["q"] = tree.Select(node => node.Q).ToArray(), ["v"] = tree.Select(node => node.V).ToArray() };
    }

    /// <summary>The step to take: policy, over the children; selected, the choice at temperature 0.</summary>
    [Target("mcts-dpo/next_step")]
    public static Outputs NextStep(IReadOnlyList<int> parent, IReadOnlyList<int> visits, IReadOnlyList<double> q, IReadOnlyList<double> v, int node, NextStepOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var tree = SearchTree.Of(parent, visits, q, v: v);
        return new Outputs
        {
            ["policy"] = TreeStatistics.StepPolicy(tree, node, options.Temperature, options.ConsiderDiversity),
            ["selected"] = TreeStatistics.BestChild(tree, node, options.ConsiderDiversity),
        };
    }

    /// <summary>The pairs of a path: a list of node, chosen, rejected, chosen_visits, rejected_visits, smoothing.</summary>
    [Target("mcts-dpo/pairs")]
    public static Outputs Pairs(
        IReadOnlyList<int> parent, IReadOnlyList<int> visits, IReadOnlyList<double> q, IReadOnlyList<double> v, IReadOnlyList<double> values, IReadOnlyList<int> path, StepPairsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var tree = SearchTree.Of(parent, visits, q, values, v);
        tree.RequirePath(path);
        return new Outputs { ["pairs"] = StepPairs.Of(tree, path, options.Negative).Select(pair => new VisitedPair(pair, tree)).ToArray() };
    }

    /// <summary>A pair with its visits.</summary>
    private sealed record VisitedPair(int Node, int Chosen, int Rejected, int ChosenVisits, int RejectedVisits, double Smoothing)
    {
        internal VisitedPair(TreePair pair, SearchTree tree)
            : this(pair.Node, pair.Chosen, pair.Rejected, tree[pair.Chosen].Visits, tree[pair.Rejected].Visits, MctsDpo.Smoothing(tree[pair.Chosen].Visits, tree[pair.Rejected].Visits))
        {
        }
    }
}
