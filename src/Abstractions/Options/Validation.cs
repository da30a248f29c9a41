using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Plumbline;

/// <summary>A rule for one number of an options record. It can say itself in words, for messages, help and schema.</summary>
/// <remarks>A null value always passes: it means that the option is off. In a list every number must obey.</remarks>
public abstract class NumberRuleAttribute : ValidationAttribute
{
    /// <summary>The rule in a few characters, such as <c>&gt; 0</c> or <c>[0, 0.5]</c>.</summary>
    public abstract string Rule { get; }

    /// <summary>The rule as bounds, for the schema; one that is no interval gives none.</summary>
    public virtual NumberBounds Bounds => default;

    /// <summary>Whether a number obeys.</summary>
    protected abstract bool Allows(double value);

    /// <inheritdoc/>
    public override bool IsValid(object? value) => value switch
    {
        null => true,
        IEnumerable list => list.Cast<object?>().All(IsValid),
        _ => Allows(Convert.ToDouble(value, CultureInfo.InvariantCulture)),
    };

    /// <inheritdoc/>
    public override string FormatErrorMessage(string name) => $"{name} must be {Rule}";
}

/// <summary>An interval; a bound that is null is open.</summary>
/// <param name="From">Lower bound.</param>
/// <param name="AboveFrom">Whether the lower bound itself is refused.</param>
/// <param name="To">Upper bound.</param>
/// <param name="BelowTo">Whether the upper bound itself is refused.</param>
public readonly record struct NumberBounds(double? From, bool AboveFrom, double? To, bool BelowTo);

/// <summary>Greater than zero.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PositiveAttribute : NumberRuleAttribute
{
    /// <inheritdoc/>
    public override string Rule => "> 0";

    /// <inheritdoc/>
    public override NumberBounds Bounds => new(0, AboveFrom: true, null, BelowTo: false);

    /// <inheritdoc/>
    protected override bool Allows(double value) => value > 0 && double.IsFinite(value);
}

/// <summary>Zero or more.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class NonNegativeAttribute : NumberRuleAttribute
{
    /// <inheritdoc/>
    public override string Rule => ">= 0";

    /// <inheritdoc/>
    public override NumberBounds Bounds => new(0, AboveFrom: false, null, BelowTo: false);

    /// <inheritdoc/>
    protected override bool Allows(double value) => value >= 0 && double.IsFinite(value);
}

/// <summary>Between two bounds, each inside the interval unless said otherwise.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class IntervalAttribute(double from, double to) : NumberRuleAttribute
{
    /// <summary>The lower bound.</summary>
    public double From { get; } = from;

    /// <summary>The upper bound.</summary>
    public double To { get; } = to;

    /// <summary>True where the lower bound itself is refused.</summary>
    public bool AboveFrom { get; set; }

    /// <summary>True where the upper bound itself is refused.</summary>
    public bool BelowTo { get; set; }

    /// <inheritdoc/>
    public override string Rule =>
        string.Create(CultureInfo.InvariantCulture, $"in {(AboveFrom ? '(' : '[')}{From}, {To}{(BelowTo ? ')' : ']')}");

    /// <inheritdoc/>
    public override NumberBounds Bounds => new(From, AboveFrom, To, BelowTo);

    /// <inheritdoc/>
    protected override bool Allows(double value) =>
        (AboveFrom ? value > From : value >= From) && (BelowTo ? value < To : value <= To);
}

/// <summary>For an options record with rules between its options: says each that is broken.</summary>
public interface IChecksItself
{
    /// <summary>One message a broken rule; each names the options as a manifest spells them.</summary>
    IEnumerable<string> Check();
}
