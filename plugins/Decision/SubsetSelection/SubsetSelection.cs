using static TorchSharp.torch;

namespace Plumbline.Plugins.SubsetSelection;

/// <summary>A set of items and its score.</summary>
/// <param name="Subset">Their ids.</param>
/// <param name="Score">F of the set.</param>
public sealed record Selection(IReadOnlyList<int> Subset, double Score);

/// <summary>How many items of each group a set may and must have.</summary>
/// <param name="Lower">At least so many.</param>
/// <param name="Upper">At most so many.</param>
public sealed record Quotas(IReadOnlyList<int> Lower, IReadOnlyList<int> Upper);

/// <summary>Choosing k items from several rankings: multiwinner scores, selection under quotas, and what tells whether a score bears bias.</summary>
public static class SubsetSelection
{
    /// <summary>An item or a set wins over an earlier one only if it is better by more.</summary>
    private const double Tie = 1e-12;

    /// <summary>The most items of which all subsets are tried.</summary>
    internal const int MostForExact = 14;

    /// <summary>F of a set.</summary>
    /// <param name="rankings">The voters'.</param>
    /// <param name="subset">Ids, each once.</param>
    /// <param name="rule">The score function.</param>
    /// <param name="k">How many first items count for bloc and pav.</param>
    public static double Score(Rankings rankings, ReadOnlySpan<int> subset, ScoreRule rule, int k)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        var score = 0.0;
        Span<int> places = stackalloc int[subset.Length];
        foreach (var positions in rankings.Positions)
        {
            for (var i = 0; i < subset.Length; i++)
            {
                places[i] = positions[subset[i]];
            }

            score += Score(places, rankings.Items, rule, k);
        }

        return score;
    }

    /// <summary>F of a set.</summary>
    /// <param name="rankings">[m,n] ids, best first.</param>
    /// <param name="subset">Ids, each once; none score 0.</param>
    /// <param name="options">The score function.</param>
    [Target("subset-selection/score")]
    public static double Score(Tensor rankings, IReadOnlyList<int> subset, ScoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(subset);
        ArgumentNullException.ThrowIfNull(options);
        var voters = Rankings.Of(rankings);
        RequireItems(subset, voters.Items, "subset");
        return Score(voters, [.. subset], options.Rule, options.K ?? subset.Count);
    }

    /// <summary>k items, one after the other that which raises F most and leaves the quotas within reach: subset in the order of choice, score.</summary>
    /// <param name="rankings">[m,n].</param>
    /// <param name="groups">[n], each from 0.</param>
    /// <param name="k">Items to choose.</param>
    /// <param name="options">The score function.</param>
    /// <param name="lower">For each group at least so many; null: 0.</param>
    /// <param name="upper">For each group at most so many; null: k.</param>
    [Target("subset-selection/greedy")]
    public static Selection Greedy(Tensor rankings, IReadOnlyList<int> groups, int k, RuleOptions options, IReadOnlyList<int>? lower = null, IReadOnlyList<int>? upper = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Greedy(Rankings.Of(rankings), groups, k, options.Rule, lower, upper);
    }

    /// <summary>As the function over tensors.</summary>
    public static Selection Greedy(Rankings rankings, IReadOnlyList<int> groups, int k, ScoreRule rule, IReadOnlyList<int>? lower = null, IReadOnlyList<int>? upper = null)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        var places = new OpenPlaces(groups, rankings.Items, k, lower, upper);
        var (subset, score) = (new List<int>(k), 0.0);
        while (subset.Count < k)
        {
            var (best, gain) = (-1, double.NegativeInfinity);
            for (var item = 0; item < rankings.Items; item++)
            {
                if (subset.Contains(item) || !places.Fits(item))
                {
                    continue;
                }

                var more = Score(rankings, [.. subset, item], rule, k) - score;
                (best, gain) = more > gain + Tie ? (item, more) : (best, gain);
            }

            subset.Add(best);
            places.Take(best);
            score = Score(rankings, [.. subset], rule, k);
        }

        return new Selection(subset, score);
    }

    /// <summary>The best of all sets of k items within the quotas, the first in lexicographic order on ties: subset ascending, score.</summary>
    /// <param name="rankings">[m,n], n at most 14.</param>
    /// <param name="groups">[n], each from 0.</param>
    /// <param name="k">Items to choose.</param>
    /// <param name="options">The score function.</param>
    /// <param name="lower">For each group at least so many; null: 0.</param>
    /// <param name="upper">For each group at most so many; null: k.</param>
    [Target("subset-selection/exact")]
    public static Selection Exact(Tensor rankings, IReadOnlyList<int> groups, int k, RuleOptions options, IReadOnlyList<int>? lower = null, IReadOnlyList<int>? upper = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Exact(Rankings.Of(rankings), groups, k, options.Rule, lower, upper);
    }

    /// <summary>As the function over tensors.</summary>
    public static Selection Exact(Rankings rankings, IReadOnlyList<int> groups, int k, ScoreRule rule, IReadOnlyList<int>? lower = null, IReadOnlyList<int>? upper = null)
    {
        ArgumentNullException.ThrowIfNull(rankings);
        if (rankings.Items > MostForExact)
        {
            throw new InvalidInputException($"n is {rankings.Items}, and all subsets of at most {MostForExact} items can be tried; choose greedily");
        }

        var places = new OpenPlaces(groups, rankings.Items, k, lower, upper);
        var (best, score, subset) = ((int[])[], double.NegativeInfinity, new List<int>(k));
        Grow(0);
        return new Selection(best, score);

        void Grow(int from)
        {
            if (subset.Count == k)
            {
                var found = Score(rankings, [.. subset], rule, k);
                (best, score) = found > score + Tie ? ([.. subset], found) : (best, score);
                return;
            }

            for (var item = from; item < rankings.Items; item++)
            {
                if (places.Fits(item))
                {
                    subset.Add(item);
                    places.Take(item);
                    Grow(item + 1);
                    places.GiveBack(item);
                    subset.RemoveAt(subset.Count - 1);
                }
            }
        }
    }

    /// <summary>What each group must and may have of k places: lower, upper [G].</summary>
    /// <param name="groups">[n], each from 0.</param>
    /// <param name="k">Places.</param>
    /// <param name="options">How the least share is found.</param>
    [Target("subset-selection/quotas")]
    public static Quotas QuotasOf(IReadOnlyList<int> groups, int k, QuotaOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var sizes = Sizes(groups, groups?.Count ?? 0);
        RequireK(k, groups!.Count);
        return new Quotas(
            [.. sizes.Select(size => options.Kind == QuotaKind.Equal ? Math.Min(k / sizes.Length, size) : k * size / groups.Count)],
            [.. sizes.Select(size => Math.Min(k, size))]);
    }

    /// <summary>F of a set by the true rankings over that of a reference of the same size: ratio.</summary>
    /// <param name="trueRankings">[m,n].</param>
    /// <param name="subset">Ids.</param>
    /// <param name="reference">Ids, as many.</param>
    /// <param name="options">The score function.</param>
    [Target("subset-selection/quality")]
    public static double Quality(Tensor trueRankings, IReadOnlyList<int> subset, IReadOnlyList<int> reference, RuleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return Quality(Rankings.Of(trueRankings), subset, reference, options.Rule);
    }

    /// <summary>As the function over tensors.</summary>
    public static double Quality(Rankings trueRankings, IReadOnlyList<int> subset, IReadOnlyList<int> reference, ScoreRule rule)
    {
        ArgumentNullException.ThrowIfNull(trueRankings);
        ArgumentNullException.ThrowIfNull(subset);
        ArgumentNullException.ThrowIfNull(reference);
        RequireItems(subset, trueRankings.Items, "subset");
        RequireItems(reference, trueRankings.Items, "subset and reference");
        if (subset.Count != reference.Count)
        {
            throw new InvalidInputException($"the 'subset' has {subset.Count} items and the reference {reference.Count}; they must have as many");
        }

        var whole = Score(trueRankings, [.. reference], rule, reference.Count);
        return whole > 0 ? Score(trueRankings, [.. subset], rule, subset.Count) / whole
            : throw new InvalidInputException("the 'reference' scores 0, and nothing can be measured against it");
    }

    /// <summary>How well single items' scores by observed rankings keep the true order within groups, 1/2 for a tie: agreement (1 without a pair), pairs.</summary>
    /// <param name="trueRankings">[m,n].</param>
    /// <param name="rankings">[m',n] as observed.</param>
    /// <param name="groups">[n].</param>
    /// <param name="k">How many first items count for bloc and pav.</param>
    /// <param name="options">The score function.</param>
    [Target("subset-selection/order_agreement")]
    public static Outputs OrderAgreement(Tensor trueRankings, Tensor rankings, IReadOnlyList<int> groups, int k, RuleOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (agreement, pairs) = OrderAgreement(Rankings.Of(trueRankings), Rankings.Of(rankings), groups, k, options.Rule);
        return new Outputs { ["agreement"] = agreement, ["pairs"] = pairs };
    }

    /// <summary>As the function over tensors.</summary>
    public static (double Agreement, int Pairs) OrderAgreement(Rankings trueRankings, Rankings rankings, IReadOnlyList<int> groups, int k, ScoreRule rule)
    {
        ArgumentNullException.ThrowIfNull(trueRankings);
        ArgumentNullException.ThrowIfNull(rankings);
        if (trueRankings.Items != rankings.Items)
        {
            throw new InvalidInputException($"the shape of 'rankings' has {rankings.Items} items, and that of 'true_rankings' {trueRankings.Items}; both rank the same ones");
        }

        _ = Sizes(groups, rankings.Items);
        RequireK(k, rankings.Items);
        var (truth, seen) = (Singles(trueRankings), Singles(rankings));
        var (sum, pairs) = (0.0, 0);
        for (var i = 0; i < rankings.Items; i++)
        {
            for (var j = i + 1; j < rankings.Items; j++)
            {
                if (groups[i] == groups[j] && truth[i] != truth[j])
                {
                    pairs++;
                    sum += seen[i] == seen[j] ? 0.5 : truth[i] > truth[j] == seen[i] > seen[j] ? 1 : 0;
                }
            }
        }

        return (pairs == 0 ? 1 : sum / pairs, pairs);

        double[] Singles(Rankings of) => [.. Enumerable.Range(0, of.Items).Select(item => Score(of, [item], rule, k) / of.Voters)];
    }

    /// <summary>One voter's score of a set, given the places of its items.</summary>
    private static double Score(Span<int> places, int items, ScoreRule rule, int k)
    {
        if (rule == ScoreRule.HarmonicBorda)
        {
            places.Sort();
        }

        var (sum, among, best) = (0.0, 0, items);
        for (var i = 0; i < places.Length; i++)
        {
            var place = places[i];
            among += place < k ? 1 : 0;
            best = Math.Min(best, place);
            sum += rule switch
            {
                ScoreRule.Sntv => place == 0 ? 1 : 0,
                ScoreRule.Bloc => place < k ? 1 : 0,
                ScoreRule.Borda => items - 1 - place,
                ScoreRule.Pav => place < k ? 1.0 / among : 0,
                ScoreRule.HarmonicBorda => (items - 1 - place) / (i + 1.0),
                _ => 0,
            };
        }

        return rule == ScoreRule.Cc && places.Length > 0 ? items - 1 - best : sum;
    }

    internal static void RequireK(int k, int items)
    {
        if (k < 1 || k > items)
        {
            throw new InvalidInputException($"k must be in 1 to the number of items, which is {items}, was {k}");
        }
    }

    /// <summary>How many items each group has.</summary>
    internal static int[] Sizes(IReadOnlyList<int>? groups, int items)
    {
        if (groups is null || groups.Count != items)
        {
            throw new InvalidInputException($"the shape of 'groups' is [{groups?.Count}], and there are {items} items");
        }

        if (groups.Count == 0 || groups.Any(group => group < 0 || group >= items))
        {
            throw new InvalidInputException($"the 'groups' must be numbered from 0, and there must be at most as many as items, {items}; they are {string.Join(", ", groups)}");
        }

        var sizes = new int[groups.Max() + 1];
        foreach (var group in groups)
        {
            sizes[group]++;
        }

        return sizes;
    }

    private static void RequireItems(IReadOnlyList<int> ids, int items, string name)
    {
        if (ids.Any(id => id < 0 || id >= items) || ids.Distinct().Count() != ids.Count)
        {
            throw new InvalidInputException($"the {name} must hold ids in 0 to {items - 1}, each at most once; got {string.Join(", ", ids)}");
        }
    }

    /// <summary>The places of a set that are still open, and which items leave every quota within reach.</summary>
    private sealed class OpenPlaces
    {
        private readonly IReadOnlyList<int> _groups;
        private readonly int[] _missing;
        private readonly int[] _room;
        private int _open;

        internal OpenPlaces(IReadOnlyList<int> groups, int items, int k, IReadOnlyList<int>? lower, IReadOnlyList<int>? upper)
        {
            var sizes = Sizes(groups, items);
            RequireK(k, items);
            if (lower is not null && lower.Count != sizes.Length || upper is not null && upper.Count != sizes.Length || (lower ?? []).Concat(upper ?? []).Any(quota => quota < 0))
            {
                throw new InvalidInputException($"the quotas must be numbers of at least 0, one for each of the {sizes.Length} groups; lower has {lower?.Count ?? 0} and upper {upper?.Count ?? 0}");
            }

            _groups = groups;
            _missing = [.. lower ?? new int[sizes.Length]];
            _room = [.. sizes.Select((size, group) => Math.Min(size, upper?[group] ?? k))];
            _open = k;
            if (_missing.Zip(_room, (least, most) => least > most).Any(broken => broken) || _missing.Sum() > k || _room.Sum() < k)
            {
                throw new InvalidInputException($"the quotas can't be met: {k} places, at least {string.Join(", ", _missing)} and at most {string.Join(", ", _room)} of each group");
            }
        }

        internal bool Fits(int item)
        {
            var group = _groups[item];
            var (missing, room) = (0, 0);
            for (var g = 0; g < _room.Length; g++)
            {
                missing += Math.Max(0, _missing[g] - (g == group ? 1 : 0));
                room += _room[g] - (g == group ? 1 : 0);
            }

            return _room[group] > 0 && missing <= _open - 1 && room >= _open - 1;
        }

        internal void Take(int item)
        {
            // What is missing may become negative, so that an item can be given back.
            _missing[_groups[item]]--;
            _room[_groups[item]]--;
            _open--;
        }

        internal void GiveBack(int item)
        {
            _missing[_groups[item]]++;
            _room[_groups[item]]++;
            _open++;
        }
    }
}
