using System.Text.Json.Nodes;

namespace Plumbline.Plugins.Arithmetic;

/// <summary>Options of <c>arithmetic</c>.</summary>
public sealed record ArithmeticOptions : IChecksItself
{
    /// <summary>Largest operand.</summary>
    /// <remarks>999 makes a million sums, each a training example.</remarks>
    [Interval(1, 999)]
    public int Largest { get; init; } = 99;

    /// <summary>Only a few demonstrations instead of every sum that is not held out.</summary>
    public bool Demos { get; init; }

    /// <summary>How many demonstrations there are.</summary>
    [Positive]
    public int Demonstrations { get; init; } = 1500;

    /// <summary>Sums kept apart; no training example is among them.</summary>
    [NonNegative]
    public int HeldOut { get; init; } = 500;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        var sums = (long)(Largest + 1) * (Largest + 1);
        if (HeldOut + (Demos ? Demonstrations : 1) > sums)
        {
            yield return $"held_out and the training examples together exceed the {sums} sums of operands 0 to {Largest}; lower them or raise largest";
        }
    }
}

/// <summary>Sums of two numbers: prompt <c>12+34=</c>, completion <c>46</c>. Which are held out depends on the run's seed.</summary>
[Data("arithmetic")]
public sealed class Arithmetic(ArithmeticOptions options) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var side = options.Largest + 1;
        // One order for every use of this data in a run: first the held-out sums, then the demonstrations, then the rest.
        var order = run.Draws.Key("arithmetic").Key(options.Largest).Permutation(side * side);
        var train = order.Skip(options.HeldOut);
        return new DataSet(
            [.. (options.Demos ? train.Take(options.Demonstrations) : train).Select(Sum)],
            [.. order.Take(options.HeldOut).Select(Sum)]);

        Example Sum(int index)
        {
            var (a, b) = (index / side, index % side);
            var sum = $"{a + b}";
            return new Example(index, new JsonObject { ["prompt"] = $"{a}+{b}=", ["completion"] = sum, ["answer"] = sum });
        }
    }
}
