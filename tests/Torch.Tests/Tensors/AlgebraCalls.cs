namespace Plumbline.Tests.Tensors;

/// <summary>Linear algebra, creation and conversion, by their names in the table.</summary>
internal static class AlgebraCalls
{
    internal static readonly Dictionary<string, Func<Tensor[], Tensor[]>> All = new()
    {
        ["matmul"] = t => [t[0].matmul(t[1])],
        ["matmul of a batch"] = t => [matmul(t[0], t[1])],
        ["mm"] = t => [t[0].mm(t[1])],
        ["bmm"] = t => [t[0].bmm(t[1])],
        ["mv"] = t => [t[0].mv(t[1])],
        ["dot"] = t => [dot(t[0], t[1])],
        ["outer"] = t => [t[0].outer(t[1])],
        ["addmm"] = t => [t[0].addmm(t[1], t[2], 0.5f, 2)],
        ["baddbmm"] = t => [t[0].baddbmm(t[1], t[2])],
        ["einsum"] = t => [einsum("ik,jk->ij", t)],
        ["solve"] = t => [linalg.solve(t[0], t[1])],
        ["solve from the right"] = t => [linalg.solve(t[0], t[1], left: false)],
        ["inv"] = t => [linalg.inv(t[0])],
        ["det"] = t => [linalg.det(t[0])],
        ["cholesky"] = t => [linalg.cholesky(t[0])],
        ["vector_norm"] = t => [linalg.vector_norm(t[0], 3)],
        ["vector_norm over a dimension"] = t => [linalg.vector_norm(t[0], 1, [1L])],
        ["zeros"] = _ => [zeros(2, 3)],
        ["ones"] = _ => [ones(2, dtype: ScalarType.Int64)],
        ["full"] = _ => [full(2, 2, 7)],
        ["arange"] = _ => [arange(5)],
        ["arange in steps"] = _ => [arange(1.0, 2.0, 0.25, dtype: ScalarType.Float64)],
        ["linspace"] = _ => [linspace(0, 1, 5, dtype: ScalarType.Float64)],
        ["eye"] = _ => [eye(2, 3)],
        ["zeros_like"] = t => [zeros_like(t[0])],
        ["ones_like in another type"] = t => [ones_like(t[0], ScalarType.Int64)],
        ["full_like"] = t => [full_like(t[0], 0.5)],
        ["to float32"] = t => [t[0].to(ScalarType.Float32).to(ScalarType.Float64)],
        ["to float16"] = t => [t[0].half().@double()],
        ["to bfloat16"] = t => [t[0].bfloat16().@double()],
        ["to int64"] = t => [t[0].to_type(ScalarType.Int64)],
        ["to bool"] = t => [t[0].@bool()],
    };
}
