using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Plumbline;

/// <summary>A rule for one number of an options record. It can say itself in words, for messages, help and schema.</summary>
/// <remarks>A null value always passes: it means that the option is off.</remarks>
public abstract class NumberRuleAttribute : ValidationAttribute
{
    /// <summary>The rule in a few characters, such as <c>&gt; 0</c> or <c>[0, 0.5]</c>.</summary>
    public abstract string Rule { get; }

    /// <summary>Whether a number obeys.</summary>
    protected abstract bool Allows(double value);

    /// <inheritdoc/>
    public override bool IsValid(object? value) =>
        value is null || Allows(Convert.ToDouble(value, CultureInfo.InvariantCulture));

    /// <inheritdoc/>
    public override string FormatErrorMessage(string name) => $"{name} must be {Rule}";
}

/// <summary>Greater than zero.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class PositiveAttribute : NumberRuleAttribute
{
    /// <inheritdoc/>
    public override string Rule => "> 0";

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
    protected override bool Allows(double value) =>
        (AboveFrom ? value > From : value >= From) && (BelowTo ? value < To : value <= To);
}

/// <summary>For an options record with rules between its options: says each that is broken.</summary>
public interface IChecksItself
{
    /// <summary>One message a broken rule; each names the options as a manifest spells them.</summary>
    IEnumerable<string> Check();
}
