using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public enum Reduction : long
        {
            None = 0,
            Mean = 1,
            Sum = 2,
        }

        public static class functional
        {
            private static readonly Op LinearOp = Op.Find("aten::linear");
            private static readonly Op EmbeddingOp = Op.Find("aten::embedding");
            private static readonly Op LayerNormOp = Op.Find("aten::layer_norm");
            private static readonly Op GroupNormOp = Op.Find("aten::group_norm");
            private static readonly Op Conv1dOp = Op.Find("aten::conv1d");
            private static readonly Op Conv2dOp = Op.Find("aten::conv2d");
            private static readonly Op DropoutOp = Op.Find("aten::dropout");
            private static readonly Op DropoutInPlaceOp = Op.Find("aten::dropout_");
            private static readonly Op SiluInPlaceOp = Op.Find("aten::silu_");
            private static readonly Op LogSigmoidOp = Op.Find("aten::log_sigmoid");
            private static readonly Op SoftplusOp = Op.Find("aten::softplus");
            private static readonly Op CrossEntropyOp = Op.Find("aten::cross_entropy_loss");
            private static readonly Op NllOp = Op.Find("aten::nll_loss");
            private static readonly Op MseOp = Op.Find("aten::mse_loss");
            private static readonly Op HuberOp = Op.Find("aten::huber_loss");
            private static readonly Op SmoothL1Op = Op.Find("aten::smooth_l1_loss");
            private static readonly Op BceOp = Op.Find("aten::binary_cross_entropy");
            private static readonly Op BceLogitsOp = Op.Find("aten::binary_cross_entropy_with_logits");
            private static readonly Op KlDivOp = Op.Find("aten::kl_div");
            private static readonly Op OneHotOp = Op.Find("aten::one_hot");
            private static readonly Op PadOp = Op.Find("aten::constant_pad_nd");
            private static readonly Op ReflectOp = Op.Find("aten::reflection_pad2d");
            private static readonly Op ReplicateOp = Op.Find("aten::replication_pad2d");
            private static readonly Op AvgPool2dOp = Op.Find("aten::avg_pool2d");
            private static readonly Op MaxPool2dOp = Op.Find("aten::max_pool2d");
            private static readonly Op UpsampleNearestOp = Op.Find("aten::upsample_nearest2d", "vec");

            public static Tensor linear(Tensor input, Tensor weights, Tensor? bias = null) => LinearOp.Call(input, weights, bias);

            internal static Tensor Embed(Tensor x, Tensor weight, long padding) => EmbeddingOp.Call(weight, x, padding);

            public static Tensor layer_norm(Tensor input, long[] normalized_shape, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) => LayerNormOp.Call(input, normalized_shape, weight, bias, eps);

            public static Tensor group_norm(Tensor input, long num_groups, Tensor? weight = null, Tensor? bias = null, double eps = 1e-05) => GroupNormOp.Call(input, num_groups, weight, bias, eps);

            public static Tensor conv1d(Tensor input, Tensor weight, Tensor? bias = null, long? stride = null, long? padding = null, long? dilation = null, long groups = 1) =>
                Conv1dOp.Call(input, weight, bias, new[] { stride ?? 1 }, new[] { padding ?? 0 }, new[] { dilation ?? 1 }, groups);

            public static Tensor conv2d(Tensor input, Tensor weight, Tensor? bias = null, long[]? strides = null, long[]? padding = null, long[]? dilation = null, long groups = 1) =>
                Conv2dOp.Call(input, weight, bias, strides ?? [1, 1], padding ?? [0, 0], dilation ?? [1, 1], groups);

            public static Tensor dropout(Tensor input, double p = 0.5, bool training = true, bool inplace = false) => inplace ? DropoutInPlaceOp.InPlace(input, p, training) : DropoutOp.Call(input, p, training);

            public static Tensor relu(Tensor x, bool inplace = false) => inplace ? x.relu_() : x.relu();

            public static Tensor gelu(Tensor x) => x.gelu();

            public static Tensor silu(Tensor x, bool inplace = false) => inplace ? SiluInPlaceOp.InPlace(x) : x.silu();

            public static Tensor sigmoid(Tensor x) => x.sigmoid();

            public static Tensor tanh(Tensor x, bool inplace = false) => inplace ? x.tanh_() : x.tanh();

            public static Tensor logsigmoid(Tensor x) => LogSigmoidOp.Call(x);

            public static Tensor softplus(Tensor x, double beta = 1, double threshold = 20) => SoftplusOp.Call(x, beta, threshold);

            public static Tensor softmax(Tensor input, long dim, ScalarType? dtype = null) => input.softmax(dim, dtype);

            public static Tensor log_softmax(Tensor x, long dim) => x.log_softmax(dim);

            public static Tensor cross_entropy(Tensor input, Tensor target, Tensor? weight = null, long ignore_index = -100, Reduction reduction = Reduction.Mean, double label_smoothing = 0) =>
                CrossEntropyOp.Call(input, target, weight, (long)reduction, ignore_index, label_smoothing);

            public static Tensor nll_loss(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) => NllOp.Call(input, target, weight, (long)reduction);

            public static Tensor mse_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean) => MseOp.Call(input, target, (long)reduction);

            public static Tensor huber_loss(Tensor input, Tensor target, double delta = 1.0, Reduction reduction = Reduction.Mean) => HuberOp.Call(input, target, (long)reduction, delta);

            public static Tensor smooth_l1_loss(Tensor input, Tensor target, Reduction reduction = Reduction.Mean, double beta = 1.0) => SmoothL1Op.Call(input, target, (long)reduction, beta);

            public static Tensor binary_cross_entropy(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean) => BceOp.Call(input, target, weight, (long)reduction);

            public static Tensor binary_cross_entropy_with_logits(Tensor input, Tensor target, Tensor? weight = null, Reduction reduction = Reduction.Mean, Tensor? pos_weights = null) =>
                BceLogitsOp.Call(input, target, weight, pos_weights, (long)reduction);

            public static Tensor kl_div(Tensor input, Tensor target, bool log_target = true, Reduction reduction = Reduction.Mean) => KlDivOp.Call(input, target, (long)reduction, log_target);

            public static Tensor one_hot(Tensor x, long num_classes = -1) => OneHotOp.Call(x, num_classes);

            /// <summary>Adds a border; sizes are given from the last dimension on, before and after.</summary>
            public static Tensor pad(Tensor input, long[] pad, PaddingModes mode = PaddingModes.Constant, double value = 0) => mode switch
            {
                PaddingModes.Constant or PaddingModes.Zeros => PadOp.Call(input, pad, value),
                PaddingModes.Reflect when pad.Length == 4 => ReflectOp.Call(input, pad),
                PaddingModes.Replicate when pad.Length == 4 => ReplicateOp.Call(input, pad),
                _ => throw new NotSupportedException($"this engine pads with constants, and the last two dimensions by reflection and repetition, not {pad.Length / 2} dimensions by {mode}"),
            };

            public static Tensor avg_pool2d(Tensor input, long kernel_size, long? stride = null, long padding = 0, bool ceil_mode = false, bool count_include_pad = true, long? divisor_override = null) =>
                AvgPool2dOp.Call(input, Twice(kernel_size), Twice(stride ?? kernel_size), Twice(padding), ceil_mode, count_include_pad, divisor_override);

            public static Tensor max_pool2d(Tensor input, long kernel_size, long? stride = null, long? padding = null, long? dilation = null, bool ceil_mode = false) =>
                MaxPool2dOp.Call(input, Twice(kernel_size), Twice(stride ?? kernel_size), Twice(padding ?? 0), Twice(dilation ?? 1), ceil_mode);

            /// <summary>Enlarges images by repeating pixels.</summary>
            public static Tensor upsample_nearest2d(Tensor input, long[]? outputSizes = null, double[]? scaleFactors = null) => UpsampleNearestOp.Call(input, outputSizes, scaleFactors);

            public static Tensor normalize(Tensor input, double p = 2.0, long dim = 1L, double eps = 1e-12) => input / input.norm((int)dim, keepdim: true, (float)p).clamp_min(eps).expand_as(input);

            private static long[] Twice(long size) => [size, size];

            /// <summary>softmax(query keyᵀ / √d) value; composed of plain operators, so that every libtorch has it.</summary>
            public static Tensor scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask = null, double p = 0.0, bool is_casual = false)
            {
                var scores = query.matmul(key.transpose(-2, -1)) / Math.Sqrt(query.shape[^1]);
                if (is_casual)
                {
                    var allowed = ones([query.shape[^2], key.shape[^2]], ScalarType.Bool, query.device).tril();
                    scores = scores.masked_fill(allowed.logical_not(), double.NegativeInfinity);
                }

                if (attn_mask is not null)
                {
                    scores = attn_mask.dtype == ScalarType.Bool ? scores.masked_fill(attn_mask.logical_not(), double.NegativeInfinity) : scores + attn_mask;
                }

                var weights = scores.softmax(-1);
                return (p > 0 ? dropout(weights, p) : weights).matmul(value);
            }
        }
    }
}
