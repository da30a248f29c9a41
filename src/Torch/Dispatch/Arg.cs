using System.Text;
using static TorchSharp.torch;

namespace TorchSharp.Dispatch;

/// <summary>One argument of an operator.</summary>
internal readonly struct Arg
{
    private readonly Tag _tag;
    private readonly long _integer;
    private readonly object? _object;

    private Arg(Tag tag, long integer = 0, object? held = null) => (_tag, _integer, _object) = (tag, integer, held);

    /// <summary>No value, where the operator allows one to be absent.</summary>
    internal static Arg None => default;

    /// <summary>The value that the operator's schema gives where nothing is said.</summary>
    internal static Arg Default => new(Tag.Missing);

    internal object? Held => _object;

    public static implicit operator Arg(Tensor? value) => value is null ? default : new(Tag.Tensor, 0, value);

    public static implicit operator Arg(long value) => new(Tag.Integer, value);

    public static implicit operator Arg(int value) => new(Tag.Integer, value);

    public static implicit operator Arg(double value) => new(Tag.Real, BitConverter.DoubleToInt64Bits(value));

    public static implicit operator Arg(bool value) => new(Tag.Boolean, value ? 1 : 0);

    public static implicit operator Arg(long? value) => value is { } given ? given : default(Arg);

    public static implicit operator Arg(double? value) => value is { } given ? given : default(Arg);

    public static implicit operator Arg(bool? value) => value is { } given ? given : default(Arg);

    public static implicit operator Arg(string? value) => value is null ? default : new(Tag.Text, 0, value);

    public static implicit operator Arg(Scalar? value) =>
        value is null ? default : value.IsInteger ? new Arg(value.IsBoolean ? Tag.Boolean : Tag.Integer, value.Integer) : (Arg)value.Real;

    public static implicit operator Arg(long[]? value) => value is null ? default : new(Tag.Integers, 0, value);

    public static implicit operator Arg(double[]? value) => value is null ? default : new(Tag.Reals, 0, value);

    public static implicit operator Arg(bool[]? value) => value is null ? default : new(Tag.Booleans, 0, value);

    public static implicit operator Arg(Tensor[] value) => new(Tag.Tensors, 0, value);

    public static implicit operator Arg(ScalarType value) => new(Tag.Integer, (long)value);

    public static implicit operator Arg(ScalarType? value) => value is { } given ? given : default(Arg);

    public static implicit operator Arg(Device? value) => value is null ? default : new(Tag.Device, (long)value.type | ((long)(value.index + 1) << 8));

    public static implicit operator Arg(Generator? value) => value is null ? default : new(Tag.Generator, 0, value);

    /// <summary>A list of tensors in which some may be absent.</summary>
    internal static Arg Optional(Tensor?[] value) => new(Tag.OptionalTensors, 0, value);

    /// <summary>A list of tensors, all there.</summary>
    internal static Arg List(Tensor[] value) => new(Tag.Tensors, 0, value);

    /// <summary>Bytes of scratch memory that <see cref="Write"/> needs.</summary>
    internal int ScratchBytes => _object switch
    {
        string text => Encoding.UTF8.GetMaxByteCount(text.Length),
        Array array => array.Length * 8,
        _ => 0,
    };

    /// <summary>Writes the value for the native side; lists and texts are copied to the scratch memory.</summary>
    internal unsafe void Write(NativeValue* value, ref byte* scratch)
    {
        *value = new NativeValue { Tag = _tag, Integer = _integer };
        switch (_object)
        {
            case null:
                return;
            case Tensor tensor:
                value->Pointer = tensor.Handle;
                return;
            case Generator generator:
                value->Pointer = generator.Handle;
                return;
        }

        value->Pointer = (IntPtr)scratch;
        switch (_object)
        {
            case string text:
                value->Count = Encoding.UTF8.GetBytes(text, new Span<byte>(scratch, ScratchBytes));
                break;
            case long[] integers:
                integers.CopyTo(new Span<long>(scratch, integers.Length));
                value->Count = integers.Length;
                break;
            case double[] reals:
                reals.CopyTo(new Span<double>(scratch, reals.Length));
                value->Count = reals.Length;
                break;
            case bool[] booleans:
                booleans.CopyTo(new Span<bool>(scratch, booleans.Length));
                value->Count = booleans.Length;
                break;
            case Tensor?[] tensors:
                for (var i = 0; i < tensors.Length; i++)
                {
                    ((IntPtr*)scratch)[i] = tensors[i]?.Handle ?? IntPtr.Zero;
                }

                value->Count = tensors.Length;
                break;
        }

        // Lists are 8-byte aligned; a text may end anywhere.
        scratch += (ScratchBytes + 7) & ~7;
    }

    /// <summary>For messages: a tensor by dtype and shape, anything else by its value.</summary>
    public override string ToString() => (_tag, _object) switch
    {
        (Tag.None, _) => "none",
        (Tag.Missing, _) => "default",
        (_, Tensor tensor) => tensor.Brief,
        (_, Tensor?[] tensors) => $"[{string.Join(", ", tensors.Take(4).Select(tensor => tensor?.Brief ?? "none"))}{(tensors.Length > 4 ? ", …" : string.Empty)}]",
        (_, long[] integers) => $"[{string.Join(", ", integers)}]",
        (_, string text) => $"\"{text}\"",
        (Tag.Real, _) => BitConverter.Int64BitsToDouble(_integer).ToString(System.Globalization.CultureInfo.InvariantCulture),
        (Tag.Boolean, _) => _integer != 0 ? "true" : "false",
        (Tag.Integer, _) => _integer.ToString(System.Globalization.CultureInfo.InvariantCulture),
        _ => _tag.ToString(),
    };
}
