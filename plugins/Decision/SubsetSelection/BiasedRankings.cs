using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SubsetSelection;

/// <summary>Rankings as biased voters see them. Group 0 has the advantage; all others are seen as worse than they are.</summary>
public static class BiasedRankings
{
    /// <summary>The voters' rankings [m,n], best first: rankings.</summary>
    /// <param name="utilities">[m,n] what each voter thinks of each item.</param>
    /// <param name="groups">[n], each from 0.</param>
    /// <param name="options">The bias.</param>
    /// <param name="noise">[m,n] added to what the voter sees; null: none.</param>
    /// <param name="draws">[m,n-1] uniform in [0,1), for the swap model.</param>
    [Target("subset-selection/biased_rankings")]
    public static Outputs Of(Tensor utilities, IReadOnlyList<int> groups, BiasOptions options, Tensor? noise = null, Tensor? draws = null)
    {
        ArgumentNullException.ThrowIfNull(utilities);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("utilities", utilities).With("noise", noise).RequireSameShape("utilities", "noise");
        if (utilities.shape is not [var voters, var items] || voters == 0)
        {
            throw new InvalidInputException($"the shape of 'utilities' is [{string.Join(',', utilities.shape)}]; it must be [m,n]");
        }

        if (options.Model == BiasModel.Swap && draws is null)
        {
            throw new InvalidInputException("the input 'draws' is missing: the swap model reads a uniform number for each voter and each pair of neighbours");
        }

        if (draws is not null && !draws.shape.AsSpan().SequenceEqual([voters, items - 1]))
        {
            throw new InvalidInputException($"the shape of 'draws' is [{string.Join(',', draws.shape)}]; it must be [{voters},{items - 1}]");
        }

        var (rows, shifts, chances) = (Rows(utilities)!, Rows(noise), Rows(draws));
        var rankings = Enumerable.Range(0, rows.Length).SelectMany(voter => OfVoter(rows[voter], groups, options, shifts?[voter], chances?[voter])).Select(id => (long)id).ToArray();
        return new Outputs { ["rankings"] = tensor(rankings, [voters, items]) };
    }

    /// <summary>One voter's ranking.</summary>
    /// <param name="utilities">[n].</param>
    /// <param name="groups">[n].</param>
    /// <param name="options">The bias.</param>
    /// <param name="noise">[n]; null: none.</param>
    /// <param name="draws">[n-1], for the swap model.</param>
    public static int[] OfVoter(IReadOnlyList<double> utilities, IReadOnlyList<int> groups, BiasOptions options, IReadOnlyList<double>? noise, IReadOnlyList<double>? draws)
    {
        ArgumentNullException.ThrowIfNull(utilities);
        ArgumentNullException.ThrowIfNull(groups);
        ArgumentNullException.ThrowIfNull(options);
        _ = SubsetSelection.Sizes(groups, utilities.Count);
        if (options.Model == BiasModel.Multiplicative && utilities.Any(utility => utility < 0))
        {
            throw new InvalidInputException($"the 'utilities' must be at least 0 for the multiplicative model: a factor would raise a negative one; the lowest is {utilities.Min()}");
        }

        var seen = utilities.Select((utility, item) => (options.Model, groups[item]) switch
        {
            (BiasModel.Multiplicative, > 0) => options.Beta * utility,
            (BiasModel.Additive, > 0) => utility - options.Shift,
            _ => utility,
        } + (noise?[item] ?? 0)).ToArray();
        var ranking = Rankings.ByValue(seen);
        for (var t = 0; options.Model == BiasModel.Swap && t < ranking.Length - 1; t++)
        {
            // One pass: an item that sank meets the next neighbour, so it can sink on.
            if (groups[ranking[t]] > 0 && groups[ranking[t + 1]] == 0 && draws![t] < options.SwapProbability)
            {
                (ranking[t], ranking[t + 1]) = (ranking[t + 1], ranking[t]);
            }
        }

        return ranking;
    }

    private static double[][]? Rows(Tensor? table) =>
        table is null ? null : [.. table.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray().Chunk(Math.Max(1, (int)table.shape[1]))];
}
