namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static class init
        {
            public static Tensor uniform_(Tensor tensor, double low = 0, double high = 1, Generator? generator = null) => Still(() => tensor.uniform_(low, high, generator));

            public static Tensor normal_(Tensor tensor, double mean = 0, double std = 1, Generator? generator = null) => Still(() => tensor.normal_(mean, std, generator));

            public static Tensor constant_(Tensor tensor, Scalar val) => Still(() => tensor.fill_(val));

            public static Tensor zeros_(Tensor tensor) => Still(tensor.zero_);

            public static Tensor ones_(Tensor tensor) => Still(() => tensor.fill_(1));

            public static Tensor xavier_uniform_(Tensor tensor, double gain = 1.0)
            {
                var (fanIn, fanOut) = Fans(tensor);
                var bound = gain * Math.Sqrt(6.0 / (fanIn + fanOut));
                return uniform_(tensor, -bound, bound);
            }

            public static Tensor xavier_normal_(Tensor tensor, double gain = 1.0)
            {
                var (fanIn, fanOut) = Fans(tensor);
                return normal_(tensor, 0, gain * Math.Sqrt(2.0 / (fanIn + fanOut)));
            }

            private static (long In, long Out) Fans(Tensor tensor)
            {
                var field = tensor.shape.Skip(2).Aggregate(1L, (product, size) => product * size);
                return (tensor.shape[1] * field, tensor.shape[0] * field);
            }

            private static Tensor Still(Func<Tensor> work)
            {
                using var still = no_grad();
                return work();
            }
        }
    }
}
