namespace Plumbline.Tests.Tensors;

public class InPlaceTests
{
    private static readonly Dictionary<string, (Func<Tensor, Tensor> InPlace, Func<Tensor, Tensor> Fresh)> Pairs = new()
    {
        ["abs"] = (x => x.abs_(), x => x.abs()),
        ["ceil"] = (x => x.ceil_(), x => x.ceil()),
        ["cos"] = (x => x.cos_(), x => x.cos()),
        ["erf"] = (x => x.erf_(), x => x.erf()),
        ["exp"] = (x => x.exp_(), x => x.exp()),
        ["expm1"] = (x => x.expm1_(), x => x.expm1()),
        ["floor"] = (x => x.floor_(), x => x.floor()),
        ["log"] = (x => x.log_(), x => x.log()),
        ["log10"] = (x => x.log10_(), x => x.log10()),
        ["log1p"] = (x => x.log1p_(), x => x.log1p()),
        ["log2"] = (x => x.log2_(), x => x.log2()),
        ["neg"] = (x => x.neg_(), x => x.neg()),
        ["reciprocal"] = (x => x.reciprocal_(), x => x.reciprocal()),
        ["relu"] = (x => x.relu_(), x => x.relu()),
        ["round"] = (x => x.round_(1), x => x.round(1)),
        ["rsqrt"] = (x => x.rsqrt_(), x => x.rsqrt()),
        ["sigmoid"] = (x => x.sigmoid_(), x => x.sigmoid()),
        ["sign"] = (x => x.sign_(), x => x.sign()),
        ["sin"] = (x => x.sin_(), x => x.sin()),
        ["sqrt"] = (x => x.sqrt_(), x => x.sqrt()),
        ["tan"] = (x => x.tan_(), x => x.tan()),
        ["tanh"] = (x => x.tanh_(), x => x.tanh()),
        ["trunc"] = (x => x.trunc_(), x => x.trunc()),
        ["add"] = (x => x.add_(x.clone()), x => x + x),
        ["add scaled"] = (x => x.add_(x.clone(), 0.5), x => x * 1.5),
        ["add a number"] = (x => x.add_(2), x => x + 2),
        ["subtract"] = (x => x.sub_(Other()), x => x - Other()),
        ["subtract a number"] = (x => x.sub_(2), x => x - 2),
        ["multiply"] = (x => x.mul_(Other()), x => x * Other()),
        ["multiply by a number"] = (x => x.mul_(2), x => x * 2),
        ["divide"] = (x => x.div_(Other()), x => x / Other()),
        ["divide by a number"] = (x => x.div_(2), x => x / 2),
        ["divide and floor"] = (x => x.div_(Other(), RoundingMode.floor), x => x.div(Other(), RoundingMode.floor)),
        ["divide by a number and truncate"] = (x => x.div_(2, RoundingMode.trunc), x => x.div(2, RoundingMode.trunc)),
        ["power"] = (x => x.pow_(2), x => x.pow(2)),
        ["clamp"] = (x => x.clamp_(0.4, 1.2), x => x.clamp(0.4, 1.2)),
        ["clamp by tensors"] = (x => x.clamp_(max: Other()), x => x.minimum(Other())),
        ["masked fill"] = (x => x.masked_fill_(x > 1, 0), x => x.masked_fill(x > 1, 0)),
        ["lerp"] = (x => x.lerp_(Other(), Other() / 4), x => x.lerp(Other(), Other() / 4)),
        ["addcmul"] = (x => x.addcmul_(Other(), Other(), 2), x => x.addcmul(Other(), Other(), 2)),
        ["addcdiv"] = (x => x.addcdiv_(Other(), Other() + 1, 2), x => x.addcdiv(Other(), Other() + 1, 2)),
        ["scatter"] = (x => x.scatter_(0, tensor([2L, 0L]), Other()), x => x.scatter(0, tensor([2L, 0L]), Other())),
        ["scatter add"] = (x => x.scatter_add_(0, tensor([2L, 2L]), Other()), x => x.scatter_add(0, tensor([2L, 2L]), Other())),
        ["index add"] = (x => x.index_add_(0, tensor([2L, 2L, 1L]), Other(), 3), x => x.index_add(0, tensor([2L, 2L, 1L]), Other(), 3)),
        ["index copy"] = (x => x.index_copy_(0, tensor([2L, 0L, 1L]), Other()), x => x.index_copy(0, tensor([2L, 0L, 1L]), Other())),
        ["copy"] = (x => x.copy_(Other()), _ => Other()),
        ["fill"] = (x => x.fill_(3), x => full_like(x, 3)),
        ["zero"] = (x => x.zero_(), x => zeros_like(x)),
    };

    public static TheoryData<string> Names => [.. Pairs.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void An_operator_in_place_writes_what_the_other_gives(string name)
    {
        using var scope = NewDisposeScope();
        var x = tensor([0.25, 1.5, 3.75]);
        var expected = Pairs[name].Fresh(x);

        var given = Pairs[name].InPlace(x);

        Assert.Same(x, given);
        Same.Close(expected, x, 1e-12, 1e-12, name);
    }

    private static Tensor Other() => tensor([0.5, 2.0, 1.25]);
}
