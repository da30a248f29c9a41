using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>Within it, nothing is recorded for the backward pass.</summary>
    public static IDisposable no_grad() => new GradMode(false);

    public static IDisposable enable_grad(bool enabled = true) => new GradMode(enabled);

    public static IDisposable set_grad_enabled(bool mode = true) => new GradMode(mode);

    /// <summary>As <see cref="no_grad"/>: the version counters are kept.</summary>
    public static IDisposable inference_mode(bool mode = true) => new GradMode(!mode);

    public static bool is_grad_enabled() => Native.plumb_get_grad_mode() != 0;

    public static class autograd
    {
        /// <summary>Gradients of outputs with respect to inputs, without touching <c>grad</c>.</summary>
        /// <returns>One a input; null where the outputs don't depend on it and <paramref name="allow_unused"/> is set.</returns>
        public static unsafe IList<Tensor?> grad(
            IList<Tensor> outputs, IList<Tensor> inputs, IList<Tensor>? grad_outputs = null, bool retain_graph = false, bool create_graph = false, bool allow_unused = false)
        {
            ArgumentNullException.ThrowIfNull(outputs);
            ArgumentNullException.ThrowIfNull(inputs);
            var outs = outputs.Select(tensor => tensor.Handle).ToArray();
            var ins = inputs.Select(tensor => tensor.Handle).ToArray();
            var gradients = grad_outputs?.Select(tensor => tensor.Handle).ToArray();
            var results = new IntPtr[ins.Length];
            fixed (IntPtr* o = outs, i = ins, g = gradients, r = results)
            {
                Native.Check(
                    Native.plumb_grad(o, outs.Length, i, ins.Length, g, retain_graph || create_graph ? 1 : 0, create_graph ? 1 : 0, allow_unused ? 1 : 0, r),
                    "autograd.grad");
            }

            GC.KeepAlive((outputs, inputs, grad_outputs));
            return [.. results.Select(Tensor.OwnOrNull)];
        }

        /// <summary>Adds the gradients of the sum of <paramref name="tensors"/> to the leaves, or only to <paramref name="inputs"/>.</summary>
        public static void backward(IList<Tensor> tensors, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null)
        {
            ArgumentNullException.ThrowIfNull(tensors);
            if (inputs is not null)
            {
                AddTo(inputs, grad(tensors, inputs, grad_tensors, retain_graph ?? create_graph, create_graph, allow_unused: true), create_graph);
                return;
            }

            for (var i = 0; i < tensors.Count; i++)
            {
                tensors[i].Backward(grad_tensors?[i], retain_graph ?? (create_graph || i < tensors.Count - 1), create_graph);
            }
        }

        public static void backward(Tensor tensor, IList<Tensor>? grad_tensors = null, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], grad_tensors, retain_graph, create_graph, inputs);

        public static void backward(Tensor tensor, Tensor grad_tensor, bool? retain_graph = null, bool create_graph = false, IList<Tensor>? inputs = null) =>
            backward([tensor], [grad_tensor], retain_graph, create_graph, inputs);

        private static void AddTo(IList<Tensor> inputs, IList<Tensor?> gradients, bool create_graph)
        {
            using var mode = set_grad_enabled(create_graph);
            for (var i = 0; i < inputs.Count; i++)
            {
                if (gradients[i] is { } found)
                {
                    inputs[i].grad = inputs[i].grad is { } before ? before + found : found;
                }
            }
        }
    }

    private sealed class GradMode : IDisposable
    {
        private readonly int _before = Native.plumb_get_grad_mode();

        internal GradMode(bool enabled) => Native.plumb_set_grad_mode(enabled ? 1 : 0);

        public void Dispose() => Native.plumb_set_grad_mode(_before);
    }

    public partial class Tensor
    {
        public bool requires_grad
        {
            get => Facts.RequiresGrad != 0;
            set
            {
                Native.Check(Native.plumb_set_requires_grad(Handle, value ? 1 : 0), $"requires_grad of {Brief}");
                GC.KeepAlive(this);
            }
        }

        /// <summary>The gradient that backward passes have summed up; null before the first.</summary>
        public unsafe Tensor? grad
        {
            get
            {
                IntPtr result;
                Native.Check(Native.plumb_get_grad(Handle, &result), "grad");
                GC.KeepAlive(this);
                return OwnOrNull(result);
            }

            set
            {
                if (value is not null && (value.dtype != dtype || !value.shape.SequenceEqual(shape)))
                {
                    throw new ArgumentException($"{value.Brief} is no gradient of {Brief}");
                }

                Native.Check(Native.plumb_set_grad(Handle, value?.Handle ?? IntPtr.Zero), "grad");
                GC.KeepAlive(this);
                GC.KeepAlive(value);
            }
        }

        public Tensor requires_grad_(bool requires_grad = true)
        {
            this.requires_grad = requires_grad;
            return this;
        }

        public Tensor with_requires_grad(bool requires_grad = true) => requires_grad_(requires_grad);

        /// <summary>Adds the gradient of this scalar to every leaf it depends on.</summary>
        public void backward() => Backward(null, retain_graph: false, create_graph: false);

        /// <summary>Adds the gradient to every leaf this depends on, or only to <paramref name="inputs"/>.</summary>
        /// <param name="grad_tensors">One tensor of this shape, the gradient of the loss by it; not needed for a scalar.</param>
        /// <param name="retain_graph">Keeps the graph for another pass.</param>
        /// <param name="create_graph">Records the pass itself, for second derivatives.</param>
        /// <param name="inputs">The leaves that take the gradient; null for all.</param>
        public void backward(IList<Tensor>? grad_tensors = null, bool retain_graph = false, bool create_graph = false, IList<Tensor>? inputs = null) =>
            autograd.backward([this], grad_tensors, retain_graph || create_graph, create_graph, inputs);

        internal void Backward(Tensor? gradient, bool retain_graph, bool create_graph)
        {
            Native.Check(Native.plumb_backward(Handle, gradient?.Handle ?? IntPtr.Zero, retain_graph ? 1 : 0, create_graph ? 1 : 0), $"backward of {Brief}");
            GC.KeepAlive(this);
            GC.KeepAlive(gradient);
        }

        public void retain_grad()
        {
            Native.Check(Native.plumb_retain_grad(Handle), "retain_grad");
            GC.KeepAlive(this);
        }

        /// <summary>Takes over the memory of another tensor.</summary>
        internal void set_data(Tensor data)
        {
            ArgumentNullException.ThrowIfNull(data);
            Native.Check(Native.plumb_set_data(Handle, data.Handle), "set_data");
            GC.KeepAlive(this);
            GC.KeepAlive(data);
        }
    }
}
