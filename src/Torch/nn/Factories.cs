using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static Linear Linear(long inputSize, long outputSize, bool hasBias = true, Device? device = null, ScalarType? dtype = null) => new(inputSize, outputSize, hasBias, device, dtype);

        public static Embedding Embedding(long num_embeddings, long embedding_dims, Device? device = null, ScalarType? dtype = null) => new(num_embeddings, embedding_dims, device, dtype);

        public static LayerNorm LayerNorm(long normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) => new([normalized_shape], eps, elementwise_affine, bias, device, dtype);

        public static LayerNorm LayerNorm(long[] normalized_shape, double eps = 1e-05, bool elementwise_affine = true, bool bias = true, Device? device = null, ScalarType? dtype = null) => new(normalized_shape, eps, elementwise_affine, bias, device, dtype);

        public static GroupNorm GroupNorm(long num_groups, long num_channels, double eps = 1e-05, bool affine = true, Device? device = null, ScalarType? dtype = null) => new(num_groups, num_channels, eps, affine, device, dtype);

        public static Conv2d Conv2d(long in_channels, long out_channels, long kernel_size, long stride = 1, long padding = 0, long dilation = 1, long groups = 1, bool bias = true, Device? device = null, ScalarType? dtype = null) =>
            new(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, device, dtype);

        public static Dropout Dropout(double p = 0.5, bool inplace = false) => new(p);

        public static Activation Identity() => new(nameof(Identity), value => value.alias());

        public static Activation ReLU(bool inplace = false) => new(nameof(ReLU), functional.relu);

        public static Activation GELU() => new(nameof(GELU), functional.gelu);

        public static Activation SiLU(bool inplace = false) => new(nameof(SiLU), functional.silu);

        public static Activation Tanh() => new(nameof(Tanh), value => value.tanh());

        public static Activation Sigmoid() => new(nameof(Sigmoid), value => value.sigmoid());

        public static Activation Softmax(long dim) => new(nameof(Softmax), value => value.softmax(dim));

        public static Activation Flatten(long start_dim = 1, long end_dim = -1) => new(nameof(Flatten), value => value.flatten(start_dim, end_dim));

        public static Sequential Sequential(params Module<Tensor, Tensor>[] modules) =>
            new(modules.Select((part, i) => (i.ToString(System.Globalization.CultureInfo.InvariantCulture), part)));

        public static Sequential Sequential(params (string name, Module<Tensor, Tensor> submodule)[] modules) => new(modules);

        public static ModuleList<T> ModuleList<T>(params T[] modules)
            where T : Module => new(modules);
    }
}
