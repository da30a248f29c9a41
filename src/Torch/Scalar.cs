namespace TorchSharp;

/// <summary>A number as an operator's argument: an integer, a truth value or a real.</summary>
public sealed class Scalar : IDisposable
{
    private Scalar(double real, torch.ScalarType type) => (Real, Type) = (real, type);

    private Scalar(long integer, torch.ScalarType type) => (Integer, IsInteger, Type) = (integer, true, type);

    /// <summary>The number in a tensor of a type.</summary>
    internal static Scalar Of(double real, long integer, bool whole, torch.ScalarType type) => whole ? new Scalar(integer, type) : new Scalar(real, type);

    public torch.ScalarType Type { get; }

    internal double Real { get; }

    internal long Integer { get; }

    internal bool IsInteger { get; }

    internal bool IsBoolean => Type == torch.ScalarType.Bool;

    public static implicit operator Scalar(byte value) => new((long)value, torch.ScalarType.Byte);

    public static implicit operator Scalar(sbyte value) => new((long)value, torch.ScalarType.Int8);

    public static implicit operator Scalar(short value) => new((long)value, torch.ScalarType.Int16);

    public static implicit operator Scalar(int value) => new((long)value, torch.ScalarType.Int32);

    public static implicit operator Scalar(long value) => new(value, torch.ScalarType.Int64);

    public static implicit operator Scalar(Half value) => new((double)value, torch.ScalarType.Float16);

    public static implicit operator Scalar(float value) => new((double)value, torch.ScalarType.Float32);

    public static implicit operator Scalar(double value) => new(value, torch.ScalarType.Float64);

    public static implicit operator Scalar(bool value) => new(value ? 1L : 0L, torch.ScalarType.Bool);

    /// <summary>Nothing to free here; TorchSharp's scalars hold native memory.</summary>
    public void Dispose() => GC.SuppressFinalize(this);

    public override string ToString() => this.ToDouble().ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Numbers to scalars and back.</summary>
public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;

    public static Scalar ToScalar(this sbyte value) => value;

    public static Scalar ToScalar(this short value) => value;

    public static Scalar ToScalar(this int value) => value;

    public static Scalar ToScalar(this long value) => value;

    public static Scalar ToScalar(this Half value) => value;

    public static Scalar ToScalar(this float value) => value;

    public static Scalar ToScalar(this double value) => value;

    public static Scalar ToScalar(this bool value) => value;

    public static double ToDouble(this Scalar value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.IsInteger ? value.Integer : value.Real;
    }

    public static float ToSingle(this Scalar value) => (float)value.ToDouble();

    public static long ToInt64(this Scalar value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value.IsInteger ? value.Integer : (long)value.Real;
    }

    public static int ToInt32(this Scalar value) => (int)value.ToInt64();

    public static bool ToBoolean(this Scalar value) => value.ToDouble() != 0;
}
