using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DiffusionDpo;

/// <summary>Options of <c>diffusion-dpo</c> as a data set.</summary>
public sealed record FeedbackPairsOptions
{
    /// <summary>The samples: rows with clean and, where there are conditions, condition, of which each two of one condition become a pair; or pairs, chosen and rejected, to be labelled anew.</summary>
    public required Part<ITensorData> Samples { get; init; }

    /// <summary>What says which of two is better.</summary>
    public required Part<ISampleReward> Reward { get; init; }
}

/// <summary>Pairs of samples of one condition, labelled by a reward: AI feedback. Ties are dropped. Columns chosen, rejected and condition.</summary>
[Data("diffusion-dpo", Paper = "2311.12908", Title = "Diffusion Model Alignment Using Direct Preference Optimization")]
public sealed class FeedbackPairs(FeedbackPairsOptions options, IServiceProvider services) : ITensorData
{
    /// <inheritdoc/>
    public TensorSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        using var scope = NewDisposeScope();
        using var samples = options.Samples.Create(services).Load(run);
        var reward = options.Reward.Create(services);
        var draws = run.Draws.Key("diffusion-dpo");
        return new TensorSet(Labelled(samples.Train, draws.Key("train")), samples.HeldOut.Count == 0 ? null : Labelled(samples.HeldOut, draws.Key("held-out")));

        Dictionary<string, Tensor> Labelled(IReadOnlyDictionary<string, Tensor> rows, Draws chance)
        {
            var pairs = Pairs(rows, chance.Key("pairs"));
            var conditions = pairs.GetValueOrDefault("condition");
            var (first, second) = (Score(pairs["first"], conditions, chance.Key("first")), Score(pairs["second"], conditions, chance.Key("second")));
            var chosen = DiffusionDpo.Label(first, second).Tensor("chosen_index").data<long>().ToArray();
            long[] kept = [.. Enumerable.Range(0, chosen.Length).Where(row => chosen[row] >= 0).Select(row => (long)row)];
            if (kept.Length == 0)
            {
                throw new PlumblineException($"reward '{options.Reward.Id}' scores both samples of each of the {chosen.Length} pairs alike, so no pair is left");
            }

            var both = stack([pairs["first"], pairs["second"]], 1).flatten(0, 1);
            Tensor Take(Func<long, long> which) => both.index_select(0, tensor([.. kept.Select(row => (2 * row) + which(row))], device: both.device));
            var labelled = new Dictionary<string, Tensor> { ["chosen"] = Take(row => chosen[row]), ["rejected"] = Take(row => 1 - chosen[row]) };
            if (conditions is not null)
            {
                labelled["condition"] = conditions.index_select(0, tensor(kept, device: conditions.device));
            }

            return labelled;
        }

        Tensor Score(Tensor rows, Tensor? conditions, Draws chance) => tensor(reward.Score(rows, conditions, new RewardContext(0, 0, chance)).Values);
    }

    private Dictionary<string, Tensor> Pairs(IReadOnlyDictionary<string, Tensor> rows, Draws draws)
    {
        var condition = rows.GetValueOrDefault("condition");
        var pairs = new Dictionary<string, Tensor>();
        if (rows.TryGetValue("chosen", out var chosen) && rows.TryGetValue("rejected", out var rejected))
        {
            (pairs["first"], pairs["second"]) = (chosen, rejected);
            if (condition is not null)
            {
                pairs["condition"] = condition;
            }

            return pairs;
        }

        if (!rows.TryGetValue("clean", out var clean))
        {
            throw new PlumblineException($"data '{options.Samples.Id}' has neither the column clean nor chosen and rejected; it has {string.Join(", ", rows.Keys)}");
        }

        if (condition is not null && condition.dim() != 1)
        {
            throw new PlumblineException($"data '{options.Samples.Id}' has conditions that are no classes, so nothing says which samples are of one condition; give it pairs, chosen and rejected");
        }

        long[] classes = condition is null ? new long[clean.shape[0]] : condition.to_type(ScalarType.Int64).cpu().data<long>().ToArray();
        var order = draws.Permutation(classes.Length);
        long[][] places = [.. order.GroupBy(row => classes[row]).OrderBy(group => group.Key).SelectMany(group => group.Chunk(2)).Where(pair => pair.Length == 2).Select(pair => new long[] { pair[0], pair[1] })];
        if (places.Length == 0)
        {
            throw new PlumblineException($"data '{options.Samples.Id}' has no two samples of one condition; give it more rows");
        }

        var (first, second) = (tensor([.. places.Select(pair => pair[0])], device: clean.device), tensor([.. places.Select(pair => pair[1])], device: clean.device));
        (pairs["first"], pairs["second"]) = (clean.index_select(0, first), clean.index_select(0, second));
        if (condition is not null)
        {
            pairs["condition"] = condition.index_select(0, first);
        }

        return pairs;
    }
}
