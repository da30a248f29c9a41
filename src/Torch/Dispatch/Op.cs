using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace TorchSharp.Dispatch;

/// <summary>An operator of libtorch, by name and overload; looked up at its first call.</summary>
internal sealed unsafe class Op(string name, string overload = "")
{
    private const int MostResults = 64;
    private IntPtr _handle;

    internal static Op Find(string name, string overload = "") => new(name, overload);

    /// <summary>Whether this libtorch has the operator.</summary>
    internal bool Exists => Native.plumb_exists(name, overload) != 0;

    /// <summary>Calls an operator that gives one tensor.</summary>
    internal Tensor Call(params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc NativeValue[1];
        var count = 1;
        Invoke(arguments, results, &count);
        return Tensor.Own(results[0].Pointer);
    }

    /// <summary>Calls an operator for its effect; what it gives back is dropped.</summary>
    internal void Run(params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc NativeValue[MostResults];
        var count = MostResults;
        Invoke(arguments, results, &count);
        for (var i = 0; i < count; i++)
        {
            if (results[i].Tag == Tag.Tensor && results[i].Pointer != IntPtr.Zero)
            {
                Native.plumb_free(results[i].Pointer);
            }
        }
    }

    /// <summary>Calls an operator that changes its first argument, and gives that back.</summary>
    internal Tensor InPlace(Tensor self, params ReadOnlySpan<Arg> rest)
    {
        Run([self, .. rest]);
        return self;
    }

    /// <summary>Calls an operator that gives several tensors or a list of them.</summary>
    internal Tensor[] CallMany(params ReadOnlySpan<Arg> arguments) => CallMany(MostResults, arguments);

    /// <summary>The same, with room for <paramref name="most"/> results.</summary>
    internal Tensor[] CallMany(int most, params ReadOnlySpan<Arg> arguments)
    {
        var memory = new NativeValue[most];
        fixed (NativeValue* results = memory)
        {
            var count = most;
            Invoke(arguments, results, &count);
            var tensors = new Tensor[count];
            for (var i = 0; i < count; i++)
            {
                tensors[i] = Tensor.Own(results[i].Pointer);
            }

            return tensors;
        }
    }

    /// <summary>Calls an operator that gives a truth value.</summary>
    internal bool CallBool(params ReadOnlySpan<Arg> arguments)
    {
        var results = stackalloc NativeValue[1];
        var count = 1;
        Invoke(arguments, results, &count);
        return results[0].Integer != 0;
    }

    private void Invoke(ReadOnlySpan<Arg> arguments, NativeValue* results, int* count)
    {
        if (_handle == IntPtr.Zero)
        {
            Native.Check(Native.plumb_find(name, overload, out _handle), $"{name}.{overload} is not in this libtorch");
        }

        var bytes = 0;
        foreach (ref readonly var argument in arguments)
        {
            bytes += (argument.ScratchBytes + 7) & ~7;
        }

        var values = stackalloc NativeValue[arguments.Length];
        var onStack = stackalloc byte[bytes <= 1024 ? bytes : 0];
        var scratch = bytes <= 1024 ? onStack : (byte*)NativeMemory.Alloc((nuint)bytes);
        var next = scratch;
        try
        {
            for (var i = 0; i < arguments.Length; i++)
            {
                arguments[i].Write(values + i, ref next);
            }

            if (Native.plumb_call(_handle, values, arguments.Length, results, count) != 0)
            {
                throw new TorchException($"{Name}({Describe(arguments)}): {Native.Text(Native.plumb_last_error())}");
            }
        }
        finally
        {
            if (bytes > 1024)
            {
                NativeMemory.Free(scratch);
            }

            // The tensors must outlive the call, and a finalizer may run as soon as nothing needs them any more.
            foreach (ref readonly var argument in arguments)
            {
                GC.KeepAlive(argument.Held);
            }
        }
    }

    private string Name => name.StartsWith("aten::", StringComparison.Ordinal) ? name["aten::".Length..] : name;

    private static string Describe(ReadOnlySpan<Arg> arguments)
    {
        var texts = new string[arguments.Length];
        for (var i = 0; i < arguments.Length; i++)
        {
            texts[i] = arguments[i].ToString();
        }

        return string.Join(", ", texts);
    }
}
