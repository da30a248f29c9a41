namespace Plumbline.Tests;

/// <summary>A judge by a function of two answers; keeps what it was asked.</summary>
internal sealed class Judges(Func<Rollout, Rollout, double> probability) : IJudge
{
    internal List<(Rollout First, Rollout Second)[]> Asked { get; } = [];

    public IReadOnlyDictionary<string, double> Metrics => new Dictionary<string, double> { ["asked"] = Asked.Count };

    internal Part<IJudge> Part => Part<IJudge>.Of("judge", this);

    /// <summary>Prefers the answer with more of the letter a, in proportion.</summary>
    internal static Part<IJudge> LikesA => new Judges((first, second) => 1 / (1 + Math.Exp(Count(second) - Count(first)))).Part;

    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        Asked.Add([.. pairs]);
        return [.. pairs.Select(pair => probability(pair.First, pair.Second))];
    }

    private static int Count(Rollout rollout) => rollout.Text.Count(letter => letter == 'a');
}

/// <summary>Keeps each batch of pairs, and learns to prefer the chosen answers.</summary>
internal sealed class PairsSeen(Needs needs = Needs.None, params string[] columns) : PairObjective
{
    internal sealed record Seen(
        string[] Names, IReadOnlyDictionary<string, double[]> Numbers, long[][] Chosen, long[][] Rejected, double[] ChosenLogps, double[] ReferenceLogps, double Step, bool ExploreHasGradient);

    internal List<Seen> Batches { get; } = [];

    internal Part<PairObjective> Part => Part<PairObjective>.Of("pairs-seen", this);

    internal Action<PairBatch>? OnCompute { get; set; }

    public override Needs Needs => needs;

    public override IReadOnlyList<Column> Columns => [.. columns.Select(name => new Column(name))];

    public override Loss Compute(PairBatch batch)
    {
        OnCompute?.Invoke(batch);
        static double[] Values(TorchSharp.torch.Tensor tensor) => tensor.detach().to_type(TorchSharp.torch.ScalarType.Float64).reshape(-1).data<double>().ToArray();
        static long[][] Rows(TorchSharp.torch.Tensor tensor) => [.. tensor.data<long>().ToArray().Chunk((int)tensor.shape[1])];
        Batches.Add(new Seen(
            [.. batch.Names],
            batch.Names.Where(name => batch.Find(name) is { } tensor && tensor.dim() == 1).ToDictionary(name => name, name => Values(batch[name])),
            Rows(batch["chosen_tokens"]),
            Rows(batch["rejected_tokens"]),
            Values(batch.PolicyChosenLogps.sum(1)),
            batch.Has("reference_chosen_logps") ? Values(batch.ReferenceChosenLogps.sum(1)) : [],
            batch.Number("step")!.Value,
            batch.Find("explore_logps")?.requires_grad ?? false));
        var margin = batch.PolicyChosenLogps.sum(1) - batch.PolicyRejectedLogps.sum(1);
        return new Loss(-TorchSharp.torch.nn.functional.logsigmoid(margin).mean());
    }
}
