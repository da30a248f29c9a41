namespace Plumbline.Training.Search;

/// <summary>A sequence on its way through a beam search.</summary>
/// <param name="Tokens">Its tokens so far.</param>
/// <param name="Score">The sum of their log-probabilities, nats.</param>
/// <param name="Finished">Whether it ended with the end-of-sequence token: it keeps its score and its place among the others.</param>
public sealed record PartialSequence(int[] Tokens, double Score, bool Finished)
{
    /// <summary>The place of the beam that it continues among those of the step before.</summary>
    public int Parent { get; init; }
}

/// <summary>The step that beam searches share: of all candidates the best few go on.</summary>
public static class Beams
{
    /// <summary>The places of the highest scores, highest first; of equal ones the lower place comes first.</summary>
    /// <param name="scores">One a candidate.</param>
    /// <param name="count">At most so many.</param>
    public static int[] Best(IReadOnlyList<double> scores, int count)
    {
        ArgumentNullException.ThrowIfNull(scores);
        // LINQ's order is stable.
        return [.. Enumerable.Range(0, scores.Count).OrderByDescending(place => scores[place]).Take(count)];
    }

    /// <summary>One step of the search for likely sequences: every beam goes on with every token, finished ones stay, the best are kept.</summary>
    /// <remarks>In order of score, then of the beam they continue, then of the token; a beam that stays comes before those that go on.</remarks>
    /// <param name="beams">Those of the step before, best first.</param>
    /// <param name="logps">[V] log-probabilities of the next token after the beam of a place; asked for unfinished ones only.</param>
    /// <param name="eos">The end-of-sequence token; null where a language has none.</param>
    /// <param name="count">Beams that are kept.</param>
    public static IReadOnlyList<PartialSequence> Extend(IReadOnlyList<PartialSequence> beams, Func<int, IReadOnlyList<double>> logps, int? eos, int count)
    {
        ArgumentNullException.ThrowIfNull(beams);
        ArgumentNullException.ThrowIfNull(logps);
        var candidates = new List<(double Score, int Parent, int Token)>();
        for (var parent = 0; parent < beams.Count; parent++)
        {
            var beam = beams[parent];
            if (beam.Finished)
            {
                candidates.Add((beam.Score, parent, -1));
                continue;
            }

            double[] scores = [.. logps(parent).Select(logp => beam.Score + logp)];
            // No more than the beams that are kept can come from one parent.
            candidates.AddRange(Best(scores, count).Select(token => (scores[token], parent, token)));
        }

        return [.. candidates.OrderByDescending(candidate => candidate.Score).ThenBy(candidate => candidate.Parent).ThenBy(candidate => candidate.Token).Take(count)
            .Select(candidate => candidate.Token < 0 ? beams[candidate.Parent] with { Parent = candidate.Parent }
                : new PartialSequence([.. beams[candidate.Parent].Tokens, candidate.Token], candidate.Score, candidate.Token == eos) { Parent = candidate.Parent })];
    }

    /// <summary>The end of a search: scores divided by a power of the length, the end-of-sequence token included.</summary>
    /// <returns>Highest score first; of equal ones in the order of the beams.</returns>
    public static IReadOnlyList<(PartialSequence Beam, double Score)> Ranked(IReadOnlyList<PartialSequence> beams, double lengthPower)
    {
        ArgumentNullException.ThrowIfNull(beams);
        return [.. beams.Select(beam => (beam, Score: beam.Score / Math.Pow(beam.Tokens.Length, lengthPower))).OrderByDescending(pair => pair.Score)];
    }
}
