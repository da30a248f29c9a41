using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace TorchSharp.Dispatch;

/// <summary>One tagged value of the native interface; 16 bytes on both sides.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct NativeValue
{
    [FieldOffset(0)] internal Tag Tag;
    [FieldOffset(4)] internal int Count;
    [FieldOffset(8)] internal long Integer;
    [FieldOffset(8)] internal double Real;
    [FieldOffset(8)] internal IntPtr Pointer;
}

internal enum Tag
{
    None, Tensor, Integer, Real, Boolean, Text, Integers, Reals, Tensors, OptionalTensors, Booleans, Device, Generator, Missing,
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeFacts
{
    internal int Rank, Dtype, DeviceType, DeviceIndex;
    internal long Numel;
    internal byte RequiresGrad, IsLeaf, IsContiguous, IsSparse;
}

/// <summary>The exports of <c>libplumb_torch.so</c>. A call that can fail returns 0, or 1 with a message for <see cref="plumb_last_error"/>.</summary>
internal static unsafe partial class Native
{
    private const string Library = "plumb_torch";

#pragma warning disable CA2255 // Only the assembly itself can say where its native library is, before the first call.
    [ModuleInitializer]
    internal static void FindLibrary() => NativeLibrary.SetDllImportResolver(typeof(Native).Assembly, Resolve);
#pragma warning restore CA2255

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? search) =>
        name == Library ? NativeLibrary.Load(NativeLocation.Find()) : IntPtr.Zero;

    [LibraryImport(Library)] internal static partial byte* plumb_last_error();
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int plumb_find(string name, string overload, out IntPtr op);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial int plumb_exists(string name, string overload);
    [LibraryImport(Library)] internal static partial int plumb_call(IntPtr op, NativeValue* arguments, int count, NativeValue* results, int* resultCount);
    [LibraryImport(Library)] internal static partial int plumb_add(IntPtr a, IntPtr b, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_sub(IntPtr a, IntPtr b, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_mul(IntPtr a, IntPtr b, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_div(IntPtr a, IntPtr b, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_matmul(IntPtr a, IntPtr b, IntPtr* result);
    [LibraryImport(Library)] internal static partial void plumb_free(IntPtr tensor);
    [LibraryImport(Library)] internal static partial IntPtr plumb_share(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int plumb_from_data(void* data, long* shape, int rank, int dtype, int deviceType, int deviceIndex, IntPtr* result);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int plumb_facts(IntPtr tensor, NativeFacts* facts);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void plumb_shape(IntPtr tensor, long* shape);
    [LibraryImport(Library), SuppressGCTransition] internal static partial void plumb_strides(IntPtr tensor, long* strides);
    [LibraryImport(Library)] internal static partial int plumb_data(IntPtr tensor, void** data);
    [LibraryImport(Library)] internal static partial int plumb_item(IntPtr tensor, double* real, long* integer, int* isInteger);
    [LibraryImport(Library)] internal static partial int plumb_backward(IntPtr tensor, IntPtr gradient, int retainGraph, int createGraph);
    [LibraryImport(Library)] internal static partial int plumb_grad(IntPtr* outputs, int outputCount, IntPtr* inputs, int inputCount, IntPtr* gradients, int retainGraph, int createGraph, int allowUnused, IntPtr* results);
    [LibraryImport(Library)] internal static partial int plumb_get_grad(IntPtr tensor, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_set_grad(IntPtr tensor, IntPtr gradient);
    [LibraryImport(Library)] internal static partial int plumb_set_requires_grad(IntPtr tensor, int value);
    [LibraryImport(Library)] internal static partial int plumb_retain_grad(IntPtr tensor);
    [LibraryImport(Library)] internal static partial int plumb_set_data(IntPtr tensor, IntPtr data);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int plumb_get_grad_mode();
    [LibraryImport(Library), SuppressGCTransition] internal static partial void plumb_set_grad_mode(int enabled);
    [LibraryImport(Library)] internal static partial int plumb_manual_seed(long seed);
    [LibraryImport(Library)] internal static partial int plumb_generator_new(int deviceType, int deviceIndex, long seed, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_generator_default(int deviceType, int deviceIndex, IntPtr* result);
    [LibraryImport(Library)] internal static partial void plumb_generator_free(IntPtr generator);
    [LibraryImport(Library)] internal static partial int plumb_generator_seed(IntPtr generator, long seed);
    [LibraryImport(Library)] internal static partial long plumb_generator_initial_seed(IntPtr generator);
    [LibraryImport(Library)] internal static partial int plumb_generator_get_state(IntPtr generator, IntPtr* result);
    [LibraryImport(Library)] internal static partial int plumb_generator_set_state(IntPtr generator, IntPtr state);
    [LibraryImport(Library)] internal static partial int plumb_get_threads();
    [LibraryImport(Library)] internal static partial void plumb_set_threads(int count);
    [LibraryImport(Library)] internal static partial int plumb_cuda_devices();
    [LibraryImport(Library)] internal static partial int plumb_cuda_synchronize(int index);
    [LibraryImport(Library)] internal static partial byte* plumb_version();
    [LibraryImport(Library)] internal static partial byte* plumb_config();
    [LibraryImport(Library)] internal static partial void plumb_die_when_told();

    /// <summary>Throws the thread's last error where a call failed.</summary>
    internal static void Check(int code, string what)
    {
        if (code != 0)
        {
            throw new TorchException($"{what}: {Text(plumb_last_error())}");
        }
    }

    internal static string Text(byte* text) => Marshal.PtrToStringUTF8((IntPtr)text) ?? string.Empty;
}
