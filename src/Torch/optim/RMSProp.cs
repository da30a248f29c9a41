using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Divides the gradient by a running root mean square of it (Hinton's lecture 6).</summary>
public class RMSProp : OptimizerHelper, optim.IMomentum
{
    public RMSProp(IEnumerable<Parameter> parameters, double lr = 1e-3, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0.0, bool centered = false, bool maximize = false)
        : this([new ParamGroup { Parameters = parameters }], lr, alpha, eps, weight_decay, momentum, centered, maximize)
    {
    }

    public RMSProp(IEnumerable<ParamGroup> parameters, double lr = 1e-3, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0.0, bool centered = false, bool maximize = false)
        : base(new Options { LearningRate = lr, alpha = alpha, eps = eps, weight_decay = weight_decay, momentum = momentum, centered = centered, maximize = maximize }, parameters)
    {
    }

    public double Momentum
    {
        get => ((ParamGroup)_parameter_groups[0]).Momentum;
        set
        {
            foreach (var group in _parameter_groups)
            {
                ((ParamGroup)group).Momentum = value;
            }
        }
    }

    private protected override OptimizerState NewState(Parameter parameter) => new State(parameter);

    private protected override void Apply(IReadOnlyList<Update> ready, OptimizerOptions options)
    {
        var set = (Options)options;
        var (rate, alpha, decay, momentum) = (set.LearningRate!.Value, set.alpha!.Value, set.weight_decay!.Value, set.momentum!.Value);
        foreach (var (parameter, given, kept) in ready)
        {
            using var scope = NewDisposeScope();
            var state = (State)kept;
            state.step++;
            var gradient = set.maximize == true ? given.neg() : given;
            if (decay != 0)
            {
                gradient = gradient.add(parameter, decay);
            }

            var spread = state.square_avg.mul_(alpha).addcmul_(gradient, gradient, 1 - alpha);
            if (set.centered == true)
            {
                var mean = state.grad_avg.mul_(alpha).add_(gradient, 1 - alpha);
                spread = spread.addcmul(mean, mean, -1);
            }

            var root = spread.sqrt().add_(set.eps!.Value);
            if (momentum > 0)
            {
                parameter.add_(state.momentum_buffer.mul_(momentum).addcdiv_(gradient, root, 1), -rate);
            }
            else
            {
                parameter.addcdiv_(gradient, root, -rate);
            }
        }
    }

    /// <summary>The running means of a parameter's squared gradients, of its gradients, and its velocity.</summary>
    public sealed class State(Parameter parameter) : OptimizerState(parameter), IDisposable
    {
        public long step;
        public Tensor square_avg = null!;
        public Tensor momentum_buffer = null!;
        public Tensor grad_avg = null!;

        internal override long Count
        {
            get => step;
            set => step = value;
        }

        internal override Tensor?[] Held
        {
            get => [square_avg, momentum_buffer, grad_avg];
            set => (square_avg, momentum_buffer, grad_avg) = (value[0]!, value[1]!, value[2]!);
        }

        /// <inheritdoc/>
        public override void Initialize(OptimizerOptions options)
        {
            step = 0;
            Replace([Zeros(), Zeros(), Zeros()]);
        }

        public void Dispose() => Free();
    }

    public class Options : OptimizerOptions
    {
        public bool? maximize;
        public double? momentum;
        public double? alpha;
        public double? eps;
        public double? weight_decay;
        public bool? centered;

        internal override double?[] Numbers
        {
            get => [momentum, alpha, eps, weight_decay, Number(centered), Number(maximize)];
            set => (momentum, alpha, eps, weight_decay, centered, maximize) = (value[0], value[1], value[2], value[3], Truth(value[4]), Truth(value[5]));
        }

        internal override OptimizerOptions Empty() => new Options();

        internal override void Validate()
        {
            AtLeastZero(LearningRate, "lr");
            AtLeastZero(alpha, "alpha");
            AtLeastZero(eps, "eps");
            AtLeastZero(momentum, "momentum");
            AtLeastZero(weight_decay, "weight_decay");
        }
    }

    public class ParamGroup : ParamGroup<Options>, optim.IMomentum
    {
        public ParamGroup()
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, Options options)
            : base(parameters, options)
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, double lr = 1e-3, double eps = 1e-8, double alpha = 0.99, double weight_decay = 0, double momentum = 0.0, bool centered = false)
            : base(parameters, new Options { LearningRate = lr, eps = eps, alpha = alpha, weight_decay = weight_decay, momentum = momentum, centered = centered })
        {
        }

        public double Momentum
        {
            get => Options.momentum!.Value;
            set => Options.momentum = value;
        }
    }
}
