using System.Globalization;

namespace Plumbline.Plugins.Calculator;

/// <summary>Works out an expression of numbers, + - * / and brackets.</summary>
[Tool("calculator")]
public sealed class Calculator : ITool
{
    /// <inheritdoc/>
    public string Name => "calculator";

    /// <inheritdoc/>
    public string Description => "works out an expression such as 2*(3+4).";

    /// <inheritdoc/>
    public string Call(string argument)
    {
        ArgumentNullException.ThrowIfNull(argument);
        try
        {
            var reader = new Reader(argument);
            var value = reader.Sum(0);
            return !reader.AtEnd ? $"'{argument}' can't be read from '{reader.Rest}' on"
                : double.IsFinite(value) ? Math.Round(value, 10).ToString(CultureInfo.InvariantCulture) : "no finite number";
        }
        catch (FormatException wrong)
        {
            return wrong.Message;
        }
    }

    /// <summary>Reads an expression from left to right.</summary>
    private sealed class Reader(string text)
    {
        // Deeper than a question needs, and far from the end of the stack.
        private const int Deepest = 100;
        private int _at;

        internal bool AtEnd => Next() == '\0';

        internal string Rest => text[_at..];

        internal double Sum(int depth)
        {
            var value = Product(depth);
            while (Next() is '+' or '-')
            {
                value = text[_at++] == '+' ? value + Product(depth) : value - Product(depth);
            }

            return value;
        }

        private double Product(int depth)
        {
            var value = Factor(depth);
            while (Next() is '*' or '/')
            {
                value = text[_at++] == '*' ? value * Factor(depth) : value / Factor(depth);
            }

            return value;
        }

        private double Factor(int depth)
        {
            if (depth > Deepest)
            {
                throw new FormatException($"'{text}' has too many brackets");
            }

            switch (Next())
            {
                case '-':
                    _at++;
                    return -Factor(depth + 1);
                case '(':
                    _at++;
                    var value = Sum(depth + 1);
                    return Next() == ')' && _at++ >= 0 ? value : throw new FormatException($"'{text}' lacks a closing bracket");
                default:
                    var from = _at;
                    while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || text[_at] == '.'))
                    {
                        _at++;
                    }

                    return double.TryParse(text.AsSpan(from, _at - from), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number
                        : throw new FormatException(from < text.Length ? $"'{text}' can't be read from '{text[from..]}' on" : $"'{text}' ends too early");
            }
        }

        private char Next()
        {
            while (_at < text.Length && char.IsWhiteSpace(text[_at]))
            {
                _at++;
            }

            return _at < text.Length ? text[_at] : '\0';
        }
    }
}
