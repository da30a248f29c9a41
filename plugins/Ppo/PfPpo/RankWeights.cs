using static TorchSharp.torch;

namespace Plumbline.Plugins.PfPpo;

/// <summary>Keeps the responses of each prompt whose ranks by reward are to be trusted.</summary>
/// <remarks>Ranked within a prompt; equal rewards keep their order. With draws the outputs hold indices, else sample_weights.</remarks>
[Filter("pf-ppo", Paper = "2409.06957", Title = "Policy Filtration in RLHF to Fine-Tune LLM for Code Generation")]
public sealed class RankWeights(RankFilterOptions options) : IRolloutFilter
{
    /// <inheritdoc/>
    public int DrawsPerGroup => options.Mode == FilterMode.Select ? options.DrawsPerPrompt : 0;

    /// <inheritdoc/>
    public Outputs Filter(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return options.Mode == FilterMode.Select ? Select(batch["rewards"], batch["group_ids"], batch["draws"], options) : SampleWeights(batch["rewards"], batch["group_ids"], options);
    }

    /// <summary>weights [size] of the ranks, best first; they sum to 1.</summary>
    /// <param name="size">Responses of the prompt.</param>
    /// <param name="options">The filter.</param>
    [Target("pf-ppo/weights")]
    public static Outputs Weights(int size, RankFilterOptions options) => new() { ["weights"] = tensor(Of(size, options)) };

    /// <summary>The weight of each response: sample_weights [N].</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int; responses of one prompt share an id.</param>
    /// <param name="options">The filter.</param>
    [Target("pf-ppo/sample_weights")]
    public static Outputs SampleWeights(Tensor rewards, Tensor groupIds, RankFilterOptions options)
    {
        var weights = new double[rewards.shape[0]];
        foreach (var ranked in Ranked(rewards, groupIds))
        {
            foreach (var (row, weight) in ranked.Zip(Of(ranked.Length, options)))
            {
                weights[row] = weight;
            }
        }

        return new Outputs { ["sample_weights"] = tensor(weights, device: rewards.device).to_type(rewards.dtype) };
    }

    /// <summary>Draws responses by their weights, with replacement: indices [G·k] int64, group by group in order of first appearance.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int.</param>
    /// <param name="draws">[G,k] uniform in [0,1).</param>
    /// <param name="options">The filter.</param>
    [Target("pf-ppo/select")]
    public static Outputs Select(Tensor rewards, Tensor groupIds, Tensor draws, RankFilterOptions options)
    {
        ArgumentNullException.ThrowIfNull(draws);
        var (groups, numbers) = (Ranked(rewards, groupIds), Doubles(draws));
        if (draws.dim() != 2 || draws.shape[0] != groups.Count)
        {
            throw new InvalidInputException($"the shape of 'draws' is [{string.Join(',', draws.shape)}], and 'group_ids' names {groups.Count} groups; it must have a row for each");
        }

        if (Array.Find(numbers, u => u is not (>= 0 and < 1)) is var bad && bad != 0)
        {
            throw new InvalidInputException($"draws must lie in [0, 1), and one is {bad}");
        }

        var k = (int)draws.shape[1];
        long[] indices = [.. groups.SelectMany((ranked, g) => numbers.AsSpan(g * k, k).ToArray().Select(u => (long)ranked[RankAt(u, Of(ranked.Length, options))]))];
        return new Outputs { ["indices"] = tensor(indices, device: rewards.device) };
    }

    /// <summary>The first rank at which the weights so far exceed u; where rounding leaves none, the last that has a weight.</summary>
    private static int RankAt(double u, double[] weights)
    {
        var (reached, last) = (0.0, 0);
        for (var rank = 0; rank < weights.Length; rank++)
        {
            reached += weights[rank];
            last = weights[rank] > 0 ? rank : last;
            if (u < reached && weights[rank] > 0)
            {
                return rank;
            }
        }

        return last;
    }

    private static double[] Of(int size, RankFilterOptions options)
    {
        if (options.Filter == RankFilter.Custom)
        {
            var given = options.Weights!;
            return given.Count == size ? [.. given.Select(weight => weight / given.Sum())]
                : throw new InvalidInputException($"weights has {given.Count} weights, and a prompt has {size} responses; give one for each rank");
        }

        // A single response is best and worst at once, and passes through.
        return [.. Enumerable.Range(0, size).Select(rank => size == 1 ? 1.0 : options.Filter switch
        {
            RankFilter.None => 1.0 / size,
            RankFilter.Bon => rank == 0 ? 1 : 0,
            RankFilter.Br => rank == 0 ? 0.5 : 0.5 / (size - 1),
            _ => rank == 0 || rank == size - 1 ? 0.5 : 0,
        })];
    }

    /// <summary>The rows of each group, best first.</summary>
    private static List<int[]> Ranked(Tensor rewards, Tensor groupIds)
    {
        new Batch().With("rewards", rewards).With("group_ids", groupIds).RequireSameShape("rewards", "group_ids");
        var scores = Doubles(rewards);
        return [.. Doubles(groupIds).Select((id, row) => (id, row)).GroupBy(pair => pair.id, pair => pair.row)
            .Select(group => group.OrderByDescending(row => scores[row]).ToArray())];
    }

    internal static double[] Doubles(Tensor values) => values.to_type(ScalarType.Float64).cpu().reshape(-1).data<double>().ToArray();
}
