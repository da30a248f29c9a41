namespace TorchSharp;

/// <summary>The number in a tensor of one element, converted to a type of C#.</summary>
public static class TensorExtensionMethods
{
    public static double ToDouble(this torch.Tensor value) => Of(value).Number(out _, out _);

    public static float ToSingle(this torch.Tensor value) => (float)Of(value).Number(out _, out _);

    public static long ToInt64(this torch.Tensor value)
    {
        var real = Of(value).Number(out var integer, out var whole);
        return whole ? integer : (long)real;
    }

    public static int ToInt32(this torch.Tensor value) => checked((int)value.ToInt64());

    public static bool ToBoolean(this torch.Tensor value)
    {
        var real = Of(value).Number(out var integer, out var whole);
        return whole ? integer != 0 : real != 0;
    }

    private static torch.Tensor Of(torch.Tensor value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value;
    }
}
