using Plumbline.Engine;
using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Adam (arXiv 1412.6980), and with decoupled weight decay AdamW (arXiv 1711.05101).</summary>
public class Adam : optim.Optimizer
{
    private readonly double _beta1;
    private readonly double _beta2;
    private readonly double _eps;
    private readonly double _decay;
    private readonly bool _decoupled;
    private readonly bool _maximize;

    internal Adam(IEnumerable<Parameter> parameters, double lr, double beta1, double beta2, double eps, double weightDecay, bool decoupled, bool amsgrad, bool maximize)
        : base(parameters, lr)
    {
        if (amsgrad)
        {
            throw new NotSupportedException("amsgrad is not supported by this engine; set it to false");
        }

        (_beta1, _beta2, _eps, _decay, _decoupled, _maximize) = (beta1, beta2, eps, weightDecay, decoupled, maximize);
    }

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> ready, double lr)
    {
        if (ready.Count == 0)
        {
            return;
        }

        if (!_maximize && FusedKernels.CanFuse(ready.Select(pair => (Tensor)pair.Parameter).Concat(ready.Select(pair => pair.Gradient))))
        {
            FusedKernels.AdamWStep(
                [.. ready.Select(pair => pair.Parameter)],
                [.. ready.Select(pair => pair.Gradient)],
                [.. ready.Select(pair => State(pair.Parameter, "exp_avg"))],
                [.. ready.Select(pair => State(pair.Parameter, "exp_avg_sq"))],
                Steps, lr, _beta1, _beta2, _eps, _decay, _decoupled);
            return;
        }

        foreach (var (parameter, given) in ready)
        {
            using var scope = NewDisposeScope();
            var gradient = _maximize ? given.neg() : given;
            if (_decoupled)
            {
                parameter.mul_(1 - (lr * _decay));
            }
            else if (_decay != 0)
            {
                gradient = gradient.add(parameter, _decay);
            }

            var mean = State(parameter, "exp_avg").mul_(_beta1).add_(gradient, 1 - _beta1);
            var square = State(parameter, "exp_avg_sq").mul_(_beta2).addcmul_(gradient, gradient, 1 - _beta2);
            var root = square.sqrt().div_(Math.Sqrt(1 - Math.Pow(_beta2, Steps))).add_(_eps);
            parameter.addcdiv_(mean, root, -lr / (1 - Math.Pow(_beta1, Steps)));
        }
    }
}

public sealed class AdamW : Adam
{
    internal AdamW(IEnumerable<Parameter> parameters, double lr, double beta1, double beta2, double eps, double weightDecay, bool amsgrad, bool maximize)
        : base(parameters, lr, beta1, beta2, eps, weightDecay, decoupled: true, amsgrad, maximize)
    {
    }
}

public sealed class SGD : optim.Optimizer
{
    private readonly double _momentum;
    private readonly double _dampening;
    private readonly double _decay;
    private readonly bool _nesterov;
    private readonly bool _maximize;

    internal SGD(IEnumerable<Parameter> parameters, double lr, double momentum, double dampening, double weightDecay, bool nesterov, bool maximize)
        : base(parameters, lr) => (_momentum, _dampening, _decay, _nesterov, _maximize) = (momentum, dampening, weightDecay, nesterov, maximize);

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> ready, double lr)
    {
        foreach (var (parameter, given) in ready)
        {
            using var scope = NewDisposeScope();
            var gradient = _maximize ? given.neg() : given;
            if (_decay != 0)
            {
                gradient = gradient.add(parameter, _decay);
            }

            if (_momentum != 0)
            {
                var velocity = State(parameter, "momentum_buffer").mul_(_momentum).add_(gradient, Steps == 1 ? 1 : 1 - _dampening);
                gradient = _nesterov ? gradient.add(velocity, _momentum) : velocity;
            }

            parameter.add_(gradient, -lr);
        }
    }
}

public sealed class RMSProp : optim.Optimizer
{
    private readonly double _alpha;
    private readonly double _eps;
    private readonly double _decay;
    private readonly double _momentum;
    private readonly bool _centered;
    private readonly bool _maximize;

    internal RMSProp(IEnumerable<Parameter> parameters, double lr, double alpha, double eps, double weightDecay, double momentum, bool centered, bool maximize)
        : base(parameters, lr) => (_alpha, _eps, _decay, _momentum, _centered, _maximize) = (alpha, eps, weightDecay, momentum, centered, maximize);

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> ready, double lr)
    {
        foreach (var (parameter, given) in ready)
        {
            using var scope = NewDisposeScope();
            var gradient = _maximize ? given.neg() : given;
            if (_decay != 0)
            {
                gradient = gradient.add(parameter, _decay);
            }

            var square = State(parameter, "square_avg").mul_(_alpha).addcmul_(gradient, gradient, 1 - _alpha);
            var root = square;
            if (_centered)
            {
                var mean = State(parameter, "grad_avg").mul_(_alpha).add_(gradient, 1 - _alpha);
                root = square.addcmul(mean, mean, -1);
            }

            root = root.sqrt().add_(_eps);
            if (_momentum > 0)
            {
                parameter.add_(State(parameter, "momentum_buffer").mul_(_momentum).addcdiv_(gradient, root, 1), -lr);
            }
            else
            {
                parameter.addcdiv_(gradient, root, -lr);
            }
        }
    }
}
