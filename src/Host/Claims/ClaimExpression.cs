using System.Globalization;
using NCalc;
using NCalc.Exceptions;
using Plumbline.Options;

namespace Plumbline.Host.Claims;

/// <summary>An arithmetic expression over names in brackets, such as <c>[simpo.reward] - [dpo.reward]</c>.</summary>
internal sealed class ClaimExpression
{
    /// <summary>What an expression may call; Log is the natural one.</summary>
    private static readonly string[] Functions = ["Abs", "Min", "Max", "Sqrt", "Log", "Exp", "Pow"];

    private readonly Expression _expression;

    private ClaimExpression(string text, Expression expression, IReadOnlyList<MeasuredName> names) => (Text, _expression, Names) = (text, expression, names);

    /// <summary>The expression as it was written.</summary>
    internal string Text { get; }

    /// <summary>What it reads.</summary>
    internal IReadOnlyList<MeasuredName> Names { get; }

    /// <summary>Reads an expression.</summary>
    /// <exception cref="PlumblineException">It is none, calls what is not there, or gives no number.</exception>
    internal static ClaimExpression Parse(string text)
    {
        var expression = new Expression(text, CultureInfo.InvariantCulture);
        if (expression.HasErrors())
        {
            throw new PlumblineException($"'{text}' is no expression: {Reason(expression.Error)}");
        }

        foreach (var function in expression.GetFunctionNames().Except(Functions))
        {
            throw new PlumblineException($"'{text}' calls {function}; {(Naming.Nearest(function, Functions) is { } nearest ? $"did you mean {nearest}? " : string.Empty)}There are {string.Join(", ", Functions)}");
        }

        expression.Functions["Log"] = arguments => arguments.Count == 1 ? Math.Log(Convert.ToDouble(arguments.Evaluate(0), CultureInfo.InvariantCulture))
            : throw new NCalcEvaluationException("Log() takes exactly 1 argument");
        var parsed = new ClaimExpression(text, expression, [.. expression.GetParameterNames().Select(MeasuredName.Parse)]);
        // Whatever the numbers will be: what can't be computed of any can't be computed of them.
        _ = parsed.Evaluate(_ => 1);
        return parsed;
    }

    /// <summary>Its value, given what each name stands for.</summary>
    /// <exception cref="PlumblineException">It gives no number.</exception>
    internal double Evaluate(Func<MeasuredName, double> measured)
    {
        foreach (var name in Names)
        {
            _expression.Parameters[name.Text] = measured(name);
        }

        try
        {
            return _expression.Evaluate() is IConvertible number and not (bool or string or char or DateTime) ? number.ToDouble(CultureInfo.InvariantCulture)
                : throw new PlumblineException($"'{Text}' gives no number");
        }
        catch (NCalcException error)
        {
            throw new PlumblineException($"'{Text}' can't be computed: {Reason(error)}", error);
        }
    }

    private static string Reason(Exception? error) => (error?.GetBaseException().Message ?? "it can't be read").ReplaceLineEndings(" ").TrimEnd('.');
}
