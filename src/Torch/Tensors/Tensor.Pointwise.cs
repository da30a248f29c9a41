using TorchSharp.Dispatch;

namespace TorchSharp;

public static partial class torch
{
    /// <summary>What a division does with its quotient; the names are libtorch's.</summary>
    public enum RoundingMode
    {
        None,
        trunc,
        floor,
    }

    public partial class Tensor
    {
        public Tensor abs() => Ops.abs.Call(this);

        public Tensor acos() => Ops.acos.Call(this);

        public Tensor asin() => Ops.asin.Call(this);

        public Tensor atan() => Ops.atan.Call(this);

        public Tensor ceil() => Ops.ceil.Call(this);

        public Tensor cos() => Ops.cos.Call(this);

        public Tensor cosh() => Ops.cosh.Call(this);

        public Tensor erf() => Ops.erf.Call(this);

        public Tensor erfc() => Ops.erfc.Call(this);

        public Tensor exp() => Ops.exp.Call(this);

        public Tensor expm1() => Ops.expm1.Call(this);

        public Tensor floor() => Ops.floor.Call(this);

        public Tensor isfinite() => Ops.isfinite.Call(this);

        public Tensor isinf() => Ops.isinf.Call(this);

        public Tensor isnan() => Ops.isnan.Call(this);

        public Tensor lgamma() => Ops.lgamma.Call(this);

        public Tensor log() => Ops.log.Call(this);

        public Tensor log10() => Ops.log10.Call(this);

        public Tensor log1p() => Ops.log1p.Call(this);

        public Tensor log2() => Ops.log2.Call(this);

        public Tensor logical_not() => Ops.logical_not.Call(this);

        public Tensor neg() => Ops.neg.Call(this);

        public Tensor reciprocal() => Ops.reciprocal.Call(this);

        public Tensor relu() => Ops.relu.Call(this);

        public Tensor round(long decimals = 0L) => Ops.round_decimals.Call(this, decimals);

        public Tensor rsqrt() => Ops.rsqrt.Call(this);

        public Tensor sigmoid() => Ops.sigmoid.Call(this);

        public Tensor sign() => Ops.sign.Call(this);

        public Tensor sin() => Ops.sin.Call(this);

        public Tensor sinh() => Ops.sinh.Call(this);

        public Tensor sqrt() => Ops.sqrt.Call(this);

        public Tensor square() => Ops.square.Call(this);

        public Tensor tan() => Ops.tan.Call(this);

        public Tensor tanh() => Ops.tanh.Call(this);

        public Tensor trunc() => Ops.trunc.Call(this);

        public Tensor frac() => Ops.frac.Call(this);

        public Tensor digamma() => Ops.digamma.Call(this);

        public Tensor selu() => Ops.selu.Call(this);

        public Tensor abs_() => Ops.abs_.InPlace(this);

        public Tensor ceil_() => Ops.ceil_.InPlace(this);

        public Tensor cos_() => Ops.cos_.InPlace(this);

        public Tensor erf_() => Ops.erf_.InPlace(this);

        public Tensor exp_() => Ops.exp_.InPlace(this);

        public Tensor expm1_() => Ops.expm1_.InPlace(this);

        public Tensor floor_() => Ops.floor_.InPlace(this);

        public Tensor log_() => Ops.log_.InPlace(this);

        public Tensor log10_() => Ops.log10_.InPlace(this);

        public Tensor log1p_() => Ops.log1p_.InPlace(this);

        public Tensor log2_() => Ops.log2_.InPlace(this);

        public Tensor neg_() => Ops.neg_.InPlace(this);

        public Tensor reciprocal_() => Ops.reciprocal_.InPlace(this);

        public Tensor relu_() => Ops.relu_.InPlace(this);

        public Tensor round_(long decimals = 0L) => Ops.round__decimals.InPlace(this, decimals);

        public Tensor rsqrt_() => Ops.rsqrt_.InPlace(this);

        public Tensor sigmoid_() => Ops.sigmoid_.InPlace(this);

        public Tensor sign_() => Ops.sign_.InPlace(this);

        public Tensor sin_() => Ops.sin_.InPlace(this);

        public Tensor sqrt_() => Ops.sqrt_.InPlace(this);

        public Tensor tan_() => Ops.tan_.InPlace(this);

        public Tensor tanh_() => Ops.tanh_.InPlace(this);

        public Tensor trunc_() => Ops.trunc_.InPlace(this);

        public Tensor silu() => Ops.silu.Call(this);

        public Tensor gelu() => Ops.gelu.Call(this);

        public Tensor nan_to_num(double nan = 0d, double? posinf = null, double? neginf = null) => Ops.nan_to_num.Call(this, nan, posinf, neginf);

        public unsafe Tensor add(Tensor target) => Binary(&Native.plumb_add, target, "add");

        public Tensor add(Tensor target, Scalar alpha) => Ops.add_Tensor.Call(this, target, alpha);

        public Tensor add(Scalar scalar) => Ops.add_Scalar.Call(this, scalar);

        public Tensor add_(Tensor target) => Ops.add__Tensor.InPlace(this, target);

        public Tensor add_(Tensor target, Scalar alpha) => Ops.add__Tensor.InPlace(this, target, alpha);

        public Tensor add_(Scalar scalar) => Ops.add__Scalar.InPlace(this, scalar);

        public unsafe Tensor sub(Tensor target) => Binary(&Native.plumb_sub, target, "sub");

        public Tensor sub(Scalar target) => Ops.sub_Scalar.Call(this, target);

        public Tensor sub_(Tensor target) => Ops.sub__Tensor.InPlace(this, target);

        public Tensor sub_(Scalar target) => Ops.sub__Scalar.InPlace(this, target);

        public unsafe Tensor mul(Tensor target) => Binary(&Native.plumb_mul, target, "mul");

        public Tensor mul(Scalar target) => Ops.mul_Scalar.Call(this, target);

        public Tensor mul_(Tensor target) => Ops.mul__Tensor.InPlace(this, target);

        public Tensor mul_(Scalar target) => Ops.mul__Scalar.InPlace(this, target);

        public unsafe Tensor div(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Binary(&Native.plumb_div, target, "div") : Ops.div_Tensor_mode.Call(this, target, rounding_mode.ToString());

        public Tensor div(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div_Scalar.Call(this, target) : Ops.div_Scalar_mode.Call(this, target, rounding_mode.ToString());

        public Tensor div_(Tensor target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div__Tensor.InPlace(this, target) : Ops.div__Tensor_mode.InPlace(this, target, rounding_mode.ToString());

        public Tensor div_(Scalar target, RoundingMode rounding_mode = RoundingMode.None) =>
            rounding_mode == RoundingMode.None ? Ops.div__Scalar.InPlace(this, target) : Ops.div__Scalar_mode.InPlace(this, target, rounding_mode.ToString());

        private unsafe Tensor Binary(delegate*<IntPtr, IntPtr, IntPtr*, int> call, Tensor other, string name)
        {
            IntPtr result;
            if (call(Handle, other.Handle, &result) != 0)
            {
                throw new TorchException($"{name}({Brief}, {other.Brief}): {Native.Text(Native.plumb_last_error())}");
            }

            GC.KeepAlive(this);
            GC.KeepAlive(other);
            return Own(result);
        }

        public Tensor eq(Tensor target) => Ops.eq_Tensor.Call(this, target);

        public Tensor eq(Scalar target) => Ops.eq_Scalar.Call(this, target);

        public Tensor ne(Tensor target) => Ops.ne_Tensor.Call(this, target);

        public Tensor ne(Scalar target) => Ops.ne_Scalar.Call(this, target);

        public Tensor lt(Tensor target) => Ops.lt_Tensor.Call(this, target);

        public Tensor lt(Scalar target) => Ops.lt_Scalar.Call(this, target);

        public Tensor le(Tensor target) => Ops.le_Tensor.Call(this, target);

        public Tensor le(Scalar target) => Ops.le_Scalar.Call(this, target);

        public Tensor gt(Tensor target) => Ops.gt_Tensor.Call(this, target);

        public Tensor gt(Scalar target) => Ops.gt_Scalar.Call(this, target);

        public Tensor ge(Tensor target) => Ops.ge_Tensor.Call(this, target);

        public Tensor ge(Scalar target) => Ops.ge_Scalar.Call(this, target);

        public Tensor maximum(Tensor other) => Ops.maximum.Call(this, other);

        public Tensor minimum(Tensor other) => Ops.minimum.Call(this, other);

        public Tensor logical_and(Tensor other) => Ops.logical_and.Call(this, other);

        public Tensor logical_or(Tensor other) => Ops.logical_or.Call(this, other);

        public Tensor logical_xor(Tensor other) => Ops.logical_xor.Call(this, other);

        public Tensor atan2(Tensor other) => Ops.atan2.Call(this, other);

        public Tensor fmod(Tensor target) => Ops.fmod_Tensor.Call(this, target);

        public Tensor fmod(Scalar scalar) => Ops.fmod_Scalar.Call(this, scalar);

        public Tensor pow(Tensor exponent) => Ops.pow_Tensor_Tensor.Call(this, exponent);

        public Tensor pow(Scalar exponent) => Ops.pow_Tensor_Scalar.Call(this, exponent);

        public Tensor pow_(Scalar exponent) => Ops.pow__Scalar.InPlace(this, exponent);

        public Tensor remainder(Tensor target) => Ops.remainder_Tensor.Call(this, target);

        public Tensor remainder(Scalar scalar) => Ops.remainder_Scalar.Call(this, scalar);

        public Tensor floor_divide(Tensor other) => Ops.floor_divide.Call(this, other);

        public Tensor floor_divide(Scalar other) => Ops.floor_divide_Scalar.Call(this, other);

        public Tensor clamp(Scalar? min = null, Scalar? max = null) => Ops.clamp.Call(this, min, max);

        public Tensor clamp(Tensor? min = null, Tensor? max = null) => Ops.clamp_Tensor.Call(this, min, max);

        public Tensor clamp_(Scalar? min = null, Scalar? max = null) => Ops.clamp_.InPlace(this, min, max);

        public Tensor clamp_(Tensor? min = null, Tensor? max = null) => Ops.clamp__Tensor.InPlace(this, min, max);

        public Tensor clamp_min(Scalar min) => Ops.clamp_min.Call(this, min);

        public Tensor clamp_max(Scalar max) => Ops.clamp_max.Call(this, max);

        public Tensor where(Tensor condition, Tensor y) => Ops.where_self.Call(condition, this, y);

        public Tensor masked_fill(Tensor mask, Scalar value) => Ops.masked_fill_Scalar.Call(this, mask, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => Ops.masked_fill__Scalar.InPlace(this, mask, value);

        public Tensor masked_select(Tensor mask) => Ops.masked_select.Call(this, mask);

        public Tensor lerp(Tensor end, Tensor weight) => Ops.lerp_Tensor.Call(this, end, weight);

        public Tensor lerp_(Tensor end, Tensor weight) => Ops.lerp__Tensor.InPlace(this, end, weight);

        public Tensor addcmul(Tensor tensor1, Tensor tensor2, Scalar value) => Ops.addcmul.Call(this, tensor1, tensor2, value);

        public Tensor addcmul_(Tensor tensor1, Tensor tensor2, Scalar value) => Ops.addcmul_.InPlace(this, tensor1, tensor2, value);

        public Tensor addcdiv(Tensor tensor1, Tensor tensor2, Scalar value) => Ops.addcdiv.Call(this, tensor1, tensor2, value);

        public Tensor addcdiv_(Tensor tensor1, Tensor tensor2, Scalar value) => Ops.addcdiv_.InPlace(this, tensor1, tensor2, value);

        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => Ops.allclose.CallBool(this, target, rtol, atol, equal_nan);

        /// <summary>Elementwise, as <see cref="eq(Tensor)"/>; the truth value of all is <c>eq(…).all()</c>.</summary>
        public Tensor equal(Tensor target) => eq(target);
    }

    public static Tensor abs(Tensor input) => input.abs();

    public static Tensor acos(Tensor input) => input.acos();

    public static Tensor asin(Tensor input) => input.asin();

    public static Tensor atan(Tensor input) => input.atan();

    public static Tensor ceil(Tensor input) => input.ceil();

    public static Tensor cos(Tensor input) => input.cos();

    public static Tensor cosh(Tensor input) => input.cosh();

    public static Tensor erf(Tensor input) => input.erf();

    public static Tensor erfc(Tensor input) => input.erfc();

    public static Tensor exp(Tensor input) => input.exp();

    public static Tensor expm1(Tensor input) => input.expm1();

    public static Tensor floor(Tensor input) => input.floor();

    public static Tensor isfinite(Tensor tensor) => tensor.isfinite();

    public static Tensor isinf(Tensor tensor) => tensor.isinf();

    public static Tensor isnan(Tensor input) => input.isnan();

    public static Tensor lgamma(Tensor input) => input.lgamma();

    public static Tensor log(Tensor input) => input.log();

    public static Tensor log10(Tensor input) => input.log10();

    public static Tensor log1p(Tensor input) => input.log1p();

    public static Tensor log2(Tensor input) => input.log2();

    public static Tensor logical_not(Tensor input) => input.logical_not();

    public static Tensor neg(Tensor input) => input.neg();

    public static Tensor reciprocal(Tensor input) => input.reciprocal();

    public static Tensor round(Tensor input, long decimals = 0L) => input.round(decimals);

    public static Tensor rsqrt(Tensor input) => input.rsqrt();

    public static Tensor sigmoid(Tensor input) => input.sigmoid();

    public static Tensor sign(Tensor input) => input.sign();

    public static Tensor sin(Tensor input) => input.sin();

    public static Tensor sinh(Tensor input) => input.sinh();

    public static Tensor sqrt(Tensor input) => input.sqrt();

    public static Tensor square(Tensor input) => input.square();

    public static Tensor tan(Tensor input) => input.tan();

    public static Tensor tanh(Tensor input) => input.tanh();

    public static Tensor trunc(Tensor input) => input.trunc();

    public static Tensor frac(Tensor input) => input.frac();

    public static Tensor digamma(Tensor input) => input.digamma();

    public static Tensor nan_to_num(Tensor input, double nan = 0d, double? posinf = null, double? neginf = null) => input.nan_to_num(nan, posinf, neginf);

    public static Tensor add(Tensor left, Tensor right) => left.add(right);

    public static Tensor add(Tensor left, Scalar right) => left.add(right);

    public static Tensor sub(Tensor left, Tensor right) => left.sub(right);

    public static Tensor sub(Tensor left, Scalar right) => left.sub(right);

    public static Tensor mul(Tensor left, Tensor right) => left.mul(right);

    public static Tensor mul(Tensor left, Scalar right) => left.mul(right);

    public static Tensor div(Tensor left, Tensor right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);

    public static Tensor div(Tensor left, Scalar right, RoundingMode rounding_mode = RoundingMode.None) => left.div(right, rounding_mode);

    public static Tensor eq(Tensor left, Tensor right) => left.eq(right);

    public static Tensor ne(Tensor left, Tensor right) => left.ne(right);

    public static Tensor lt(Tensor left, Tensor right) => left.lt(right);

    public static Tensor le(Tensor left, Tensor right) => left.le(right);

    public static Tensor gt(Tensor left, Tensor right) => left.gt(right);

    public static Tensor ge(Tensor left, Tensor right) => left.ge(right);

    public static Tensor maximum(Tensor input, Tensor other) => input.maximum(other);

    public static Tensor minimum(Tensor input, Tensor other) => input.minimum(other);

    public static Tensor logical_and(Tensor left, Tensor right) => left.logical_and(right);

    public static Tensor logical_or(Tensor left, Tensor right) => left.logical_or(right);

    public static Tensor logical_xor(Tensor left, Tensor right) => left.logical_xor(right);

    public static Tensor atan2(Tensor input, Tensor other) => input.atan2(other);

    public static Tensor fmod(Tensor left, Tensor right) => left.fmod(right);

    public static Tensor fmod(Tensor left, Scalar right) => left.fmod(right);

    public static Tensor pow(Tensor left, Tensor exponent) => left.pow(exponent);

    public static Tensor pow(Tensor left, Scalar exponent) => left.pow(exponent);

    public static Tensor clamp(Tensor input, Scalar? min = null, Scalar? max = null) => input.clamp(min, max);

    public static Tensor clamp(Tensor input, Tensor? min = null, Tensor? max = null) => input.clamp(min, max);

    public static Tensor where(Tensor condition, Tensor x, Tensor y) => Ops.where_self.Call(condition, x, y);

    public static Tensor[] where(Tensor condition) => Ops.where.CallMany(condition);

    public static bool allclose(Tensor tensor, Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) => tensor.allclose(target, rtol, atol, equal_nan);
}
