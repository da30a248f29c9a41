using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public Tensor reshape(params long[] shape) => Ops.reshape.Call(this, shape);

        public Tensor view(params long[] shape) => Ops.view.Call(this, shape);

        public Tensor view_as(Tensor other) => view(other.shape);

        public Tensor permute(params long[] permutation) => Ops.permute.Call(this, permutation);

        public Tensor transpose(long dim0, long dim1) => Ops.transpose_int.Call(this, dim0, dim1);

        public Tensor t() => Ops.t.Call(this);

        public Tensor mT => transpose(-2, -1);

        public Tensor squeeze(long? dim = null) => dim is { } given ? Ops.squeeze_dim.Call(this, given) : Ops.squeeze.Call(this);

        public Tensor unsqueeze(long dim) => Ops.unsqueeze.Call(this, dim);

        public Tensor flatten(long start_dim = 0, long end_dim = -1) => Ops.flatten_using_ints.Call(this, start_dim, end_dim);

        public Tensor unflatten(long dim, params long[] sizes) => reshape([.. shape[..(int)(dim < 0 ? dim + this.dim() : dim)], .. sizes, .. shape[((int)(dim < 0 ? dim + this.dim() : dim) + 1)..]]);

        public Tensor expand(params long[] sizes) => Ops.expand.Call(this, sizes);

        public Tensor expand_as(Tensor other) => expand(other.shape);

        public Tensor repeat(params long[] sizes) => Ops.repeat.Call(this, sizes);

        public Tensor repeat_interleave(long repeats, long? dim = null, long? output_size = null) => Ops.repeat_interleave_self_int.Call(this, repeats, dim, output_size);

        public Tensor repeat_interleave(Tensor repeats, long? dim = null, long? output_size = null) => Ops.repeat_interleave_self_Tensor.Call(this, repeats, dim, output_size);

        public Tensor narrow(long dim, long start, long length) => Ops.narrow.Call(this, dim, start, length);

        public Tensor select(long dim, long index) => Ops.select_int.Call(this, dim, index);

        public Tensor slice(long dim, long start, long finish, long step) => Ops.slice_Tensor.Call(this, dim, start, finish, step);

        public Tensor[] unbind(long dimension = 0) => Ops.unbind_int.CallMany((int)shape[dimension < 0 ? dimension + dim() : dimension] + 1, this, dimension);

        public Tensor[] split(long size, int dim = 0) => Ops.split_Tensor.CallMany((int)(shape[dim < 0 ? dim + this.dim() : dim] / Math.Max(1, size)) + 2, this, size, dim);

        public Tensor[] split(long[] sizes, long dim = 0) => Ops.split_with_sizes.CallMany(sizes.Length + 1, this, sizes, dim);

        public Tensor[] chunk(long chunks, long dim = 0) => Ops.chunk.CallMany((int)chunks + 1, this, chunks, dim);

        public Tensor flip(params long[] dims) => Ops.flip.Call(this, dims);

        public Tensor roll(long shifts, long? dims = null) => Ops.roll.Call(this, new[] { shifts }, dims is { } given ? [given] : Array.Empty<long>());

        public Tensor roll(long[] shifts, long[] dims) => Ops.roll.Call(this, shifts, dims);

        public Tensor tril(long diagonal = 0) => Ops.tril.Call(this, diagonal);

        public Tensor triu(long diagonal = 0) => Ops.triu.Call(this, diagonal);

        public Tensor diag(long diagonal = 0) => Ops.diag.Call(this, diagonal);

        public Tensor diagonal(long offset = 0, long dim1 = 0, long dim2 = 1) => Ops.diagonal.Call(this, offset, dim1, dim2);

        public Tensor contiguous() => Ops.contiguous.Call(this);

        public Tensor clone() => Ops.clone.Call(this);

        public Tensor detach() => Ops.detach.Call(this);

        public Tensor alias() => Ops.alias.Call(this);

        public Tensor detach_() => Ops.detach_.InPlace(this);

        public Tensor copy_(Tensor source, bool nonBlocking = false) => Ops.copy_.InPlace(this, source, nonBlocking);

        public Tensor fill_(Scalar value) => Ops.fill__Scalar.InPlace(this, value);

        public Tensor zero_() => Ops.zero_.InPlace(this);

        public Tensor uniform_(double from, double to, Generator? generator = null) => Ops.uniform_.InPlace(this, from, to, generator);

        public Tensor normal_(double mean = 0.0, double std = 1.0, Generator? generator = null) => Ops.normal_.InPlace(this, mean, std, generator);

        public Tensor bernoulli_(double p = 0.5, Generator? generator = null) => Ops.bernoulli__float.InPlace(this, p, generator);

        public Tensor bernoulli(Generator? generator = null) => Ops.bernoulli.Call(this, generator);

        public Tensor multinomial(long num_samples, bool replacement = false, Generator? generator = null) => Ops.multinomial.Call(this, num_samples, replacement, generator);

        public Tensor to(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Instead(Ops.to_dtype.Call(this, type, non_blocking, copy), disposeAfter);

        public Tensor to(Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => to(dtype, device, copy, disposeAfter, non_blocking);

        public Tensor to(ScalarType type, Device device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            Instead(Ops.to_device.Call(this, device, type, non_blocking, copy), disposeAfter);

        public Tensor to(DeviceType deviceType, int deviceIndex = -1, bool copy = false, bool disposeAfter = false, bool non_blocking = false) =>
            to(new Device(deviceType, deviceIndex), copy, disposeAfter, non_blocking);

        public Tensor to(string device, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => to(new Device(device), copy, disposeAfter, non_blocking);

        public Tensor to(Tensor other, bool non_blocking = false) => to(other.dtype, other.device, non_blocking: non_blocking);

        public Tensor to_type(ScalarType type, bool copy = false, bool disposeAfter = false, bool non_blocking = false) => to(type, copy, disposeAfter, non_blocking);

        private Tensor Instead(Tensor converted, bool disposeAfter)
        {
            if (disposeAfter)
            {
                Dispose();
            }

            return converted;
        }

        public Tensor cpu() => device_type == DeviceType.CPU ? alias() : to(CPU);

        public Tensor cuda(Device? device = null, bool non_blocking = false) => to(device ?? CUDA, non_blocking: non_blocking);

        public Tensor @float() => to(ScalarType.Float32);

        public Tensor @double() => to(ScalarType.Float64);

        public Tensor @long() => to(ScalarType.Int64);

        public Tensor @int() => to(ScalarType.Int32);

        public Tensor @bool() => to(ScalarType.Bool);

        public Tensor half() => to(ScalarType.Float16);

        public Tensor bfloat16() => to(ScalarType.BFloat16);

        public Tensor gather(long dim, Tensor index) => Ops.gather.Call(this, dim, index);

        public Tensor scatter(long dim, Tensor index, Tensor src) => Ops.scatter_src.Call(this, dim, index, src);

        public Tensor scatter_(long dim, Tensor index, Tensor src) => Ops.scatter__src.InPlace(this, dim, index, src);

        public Tensor scatter_add(long dim, Tensor index, Tensor src) => Ops.scatter_add.Call(this, dim, index, src);

        public Tensor scatter_add_(long dim, Tensor index, Tensor src) => Ops.scatter_add_.InPlace(this, dim, index, src);

        public Tensor index_select(long dim, Tensor index) => Ops.index_select.Call(this, dim, index);

        public Tensor index_add(long dim, Tensor index, Tensor source, Scalar alpha) => Ops.index_add.Call(this, dim, index, source, alpha);

        public Tensor index_add_(long dim, Tensor index, Tensor source, Scalar alpha) => Ops.index_add_.InPlace(this, dim, index, source, alpha);

        public Tensor index_copy(long dim, Tensor index, Tensor source) => Ops.index_copy.Call(this, dim, index, source);

        public Tensor index_copy_(long dim, Tensor index, Tensor source) => Ops.index_copy_.InPlace(this, dim, index, source);

        public Tensor index_fill(long dim, Tensor index, Scalar value) => Ops.index_fill_int_Scalar.Call(this, dim, index, value);

        public Tensor take_along_dim(Tensor indices, long dim) => Ops.take_along_dim.Call(this, indices, dim);

        public Tensor unfold(long dimension, long size, long step) => Ops.unfold.Call(this, dimension, size, step);

        public Tensor matmul(Tensor target) => Matmul(target);

        private unsafe Tensor Matmul(Tensor target) => Binary(&Native.plumb_matmul, target, "matmul");

        public Tensor mm(Tensor target) => Ops.mm.Call(this, target);

        public Tensor bmm(Tensor batch2) => Ops.bmm.Call(this, batch2);

        public Tensor mv(Tensor target) => Ops.mv.Call(this, target);

        public Tensor dot(Tensor target) => Ops.dot.Call(this, target);

        public Tensor outer(Tensor vec2) => Ops.outer.Call(this, vec2);

        public Tensor addmm(Tensor mat1, Tensor mat2, float beta = 1, float alpha = 1) => Ops.addmm.Call(this, mat1, mat2, (double)beta, (double)alpha);

        public Tensor baddbmm(Tensor batch1, Tensor batch2, float beta = 1, float alpha = 1) => Ops.baddbmm.Call(this, batch1, batch2, (double)beta, (double)alpha);
    }

    public static Tensor mm(Tensor input, Tensor target) => input.mm(target);

    public static Tensor bmm(Tensor input, Tensor batch2) => input.bmm(batch2);

    public static Tensor mv(Tensor input, Tensor target) => input.mv(target);

    public static Tensor dot(Tensor input, Tensor other) => input.dot(other);

    public static Tensor outer(Tensor input, Tensor vec2) => input.outer(vec2);

    public static Tensor matmul(Tensor input, Tensor target) => input.matmul(target);

    public static Tensor clone(Tensor input) => input.clone();

    public static Tensor flatten(Tensor input, long start_dim = 0, long end_dim = -1) => input.flatten(start_dim, end_dim);

    public static Tensor gather(Tensor input, long dim, Tensor index) => input.gather(dim, index);

    public static Tensor multinomial(Tensor input, long num_samples, bool replacement = false, Generator? generator = null) => input.multinomial(num_samples, replacement, generator);

    public static Tensor tril(Tensor input, long diagonal = 0) => input.tril(diagonal);

    public static Tensor triu(Tensor input, long diagonal = 0) => input.triu(diagonal);

    public static Tensor diag(Tensor input, long diagonal = 0) => input.diag(diagonal);

    public static Tensor flip(Tensor input, params long[] dims) => input.flip(dims);

    public static Tensor[] split(Tensor tensor, long[] split_size_or_sections, long dim = 0) => tensor.split(split_size_or_sections, dim);

    public static Tensor[] chunk(Tensor input, long chunks, long dim = 0) => input.chunk(chunks, dim);

    public static Tensor cat(IList<Tensor> tensors, long dim = 0) => Ops.cat.Call(Arg.List([.. tensors]), dim);

    public static Tensor cat(Tensor[] tensors, long dim = 0) => Ops.cat.Call(Arg.List(tensors), dim);

    public static Tensor cat(ReadOnlySpan<Tensor> tensors, long dim = 0) => Ops.cat.Call(Arg.List(tensors.ToArray()), dim);

    public static Tensor concat(IList<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor concat(Tensor[] tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor concat(ReadOnlySpan<Tensor> tensors, long dim = 0) => cat(tensors, dim);

    public static Tensor stack(IEnumerable<Tensor> tensors, long dim = 0) => Ops.stack.Call(Arg.List([.. tensors]), dim);

    public static Tensor einsum(string equation, params Tensor[] tensors) => Ops.einsum.Call(equation, Arg.List(tensors));

    public static class linalg
    {
        public static Tensor solve(Tensor A, Tensor B, bool left = true) => left ? Ops.linalg_solve.Call(A, B) : Ops.linalg_solve.Call(A.mT, B.mT).mT;

        public static Tensor inv(Tensor input) => Ops.linalg_inv.Call(input);

        public static Tensor det(Tensor input) => Ops.linalg_det.Call(input);

        public static Tensor cholesky(Tensor input) => Ops.linalg_cholesky.Call(input);

        public static Tensor vector_norm(Tensor input, double ord = 2d, long[]? dims = null, bool keepdim = false) => Ops.linalg_vector_norm.Call(input, ord, dims, keepdim);
    }
}
