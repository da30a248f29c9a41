namespace TorchSharp;

/// <summary>A number as an operator's argument: an integer, a truth value or a real.</summary>
public readonly struct Scalar
{
    private Scalar(double real) => Real = real;

    private Scalar(long integer, bool boolean = false) => (Integer, IsInteger, IsBoolean) = (integer, true, boolean);

    internal double Real { get; }

    internal long Integer { get; }

    internal bool IsInteger { get; }

    internal bool IsBoolean { get; }

    public static implicit operator Scalar(int value) => new((long)value);

    public static implicit operator Scalar(long value) => new(value);

    public static implicit operator Scalar(byte value) => new((long)value);

    public static implicit operator Scalar(bool value) => new(value ? 1 : 0, boolean: true);

    public static implicit operator Scalar(float value) => new((double)value);

    public static implicit operator Scalar(double value) => new(value);

    public double ToDouble() => IsInteger ? Integer : Real;

    public float ToSingle() => (float)ToDouble();

    public long ToInt64() => IsInteger ? Integer : (long)Real;

    public int ToInt32() => (int)ToInt64();

    public bool ToBoolean() => ToInt64() != 0;

    public override string ToString() => ToDouble().ToString(System.Globalization.CultureInfo.InvariantCulture);
}
