namespace Plumbline.Training.Decisions;

/// <summary>A distribution of returns with finitely many atoms, in ascending order; atoms that are equal to nine decimals are one.</summary>
public sealed class ReturnDistribution
{
    private const int Decimals = 9;
    private const double Rounding = 1e-6;

    private ReturnDistribution(double[] atoms, double[] probabilities) => (Atoms, Probabilities) = (atoms, probabilities);

    /// <summary>The values, ascending.</summary>
    public IReadOnlyList<double> Atoms { get; }

    /// <summary>The probability of each.</summary>
    public IReadOnlyList<double> Probabilities { get; }

    /// <summary>The expectation.</summary>
    public double Mean => Expect(value => value);

    /// <summary>One value for certain.</summary>
    public static ReturnDistribution Point(double value) => new([value], [1]);

    /// <summary>Atoms in any order, with repetitions.</summary>
    /// <exception cref="InvalidInputException">The probabilities are no distribution, or not as many as the atoms.</exception>
    public static ReturnDistribution Of(IReadOnlyList<double> atoms, IReadOnlyList<double> probabilities)
    {
        ArgumentNullException.ThrowIfNull(atoms);
        ArgumentNullException.ThrowIfNull(probabilities);
        if (atoms.Count != probabilities.Count || atoms.Count == 0)
        {
            throw new InvalidInputException($"the shape of 'atoms' is [{atoms.Count}] and that of 'probabilities' is [{probabilities.Count}]; there must be as many of each, and at least one");
        }

        if (probabilities.Any(probability => !(probability >= 0)) || Math.Abs(probabilities.Sum() - 1) > Rounding)
        {
            throw new InvalidInputException($"the 'probabilities' must be at least 0 and sum to 1; their sum is {probabilities.Sum()}");
        }

        return Merged(atoms.Zip(probabilities));
    }

    /// <summary>As many equal parts as there are values: samples, or the particles of a quantile network.</summary>
    public static ReturnDistribution OfSamples(IReadOnlyCollection<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.Count > 0 ? Merged(values.Select(value => (value, 1.0 / values.Count))) : throw new InvalidInputException("there is no distribution of no 'atoms'");
    }

    /// <summary>The distribution of offset + scale · Z, where Z is drawn from one of several distributions by its weight.</summary>
    public static ReturnDistribution Mix(IReadOnlyList<(double Weight, double Offset, double Scale, ReturnDistribution Of)> parts) =>
        Merged(parts.SelectMany(part => part.Of.Atoms.Zip(part.Of.Probabilities, (atom, probability) => (part.Offset + (part.Scale * atom), part.Weight * probability))));

    /// <summary>E f(Z).</summary>
    public double Expect(Func<double, double> f)
    {
        ArgumentNullException.ThrowIfNull(f);
        var sum = 0.0;
        for (var i = 0; i < Atoms.Count; i++)
        {
            sum += Probabilities[i] * f(Atoms[i]);
        }

        return sum;
    }

    /// <summary>The mean of the lowest share τ of the mass; the atom at the border counts in part. τ = 1 is the mean.</summary>
    /// <param name="tau">In (0, 1].</param>
    public double Cvar(double tau)
    {
        if (!(tau > 0 && tau <= 1))
        {
            throw new InvalidInputException($"tau must be in (0, 1], was {tau}");
        }

        var (left, sum) = (tau, 0.0);
        for (var i = 0; i < Atoms.Count && left > 0; i++)
        {
            // The last atom takes what rounding left of a whole.
            var mass = i == Atoms.Count - 1 ? left : Math.Min(left, Probabilities[i]);
            sum += mass * Atoms[i];
            left -= mass;
        }

        return sum / tau;
    }

    private static ReturnDistribution Merged(IEnumerable<(double Atom, double Probability)> parts)
    {
        var merged = new SortedDictionary<double, (double Atom, double Probability)>();
        foreach (var (atom, probability) in parts)
        {
            // Rounded to tell equal ones; + 0 makes one of the two zeros.
            var key = Math.Round(atom, Decimals) + 0.0;
            var before = merged.GetValueOrDefault(key, (atom, 0));
            merged[key] = (before.Item1, before.Item2 + probability);
        }

        return new([.. merged.Values.Select(pair => pair.Atom)], [.. merged.Values.Select(pair => pair.Probability)]);
    }
}
