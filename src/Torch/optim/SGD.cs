using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Stochastic gradient descent, with momentum where it is not zero.</summary>
public class SGD : OptimizerHelper, optim.IMomentum
{
    public SGD(IEnumerable<Parameter> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        : this([new ParamGroup { Parameters = parameters }], lr, momentum, dampening, weight_decay, nesterov, maximize)
    {
    }

    public SGD(IEnumerable<ParamGroup> parameters, double lr, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
        : base(new Options { LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize }, parameters)
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
        var (momentum, decay) = (set.momentum!.Value, set.weight_decay!.Value);
        foreach (var (parameter, given, kept) in ready)
        {
            using var scope = NewDisposeScope();
            var gradient = set.maximize == true ? given.neg() : given;
            if (decay != 0)
            {
                gradient = gradient.add(parameter, decay);
            }

            if (momentum != 0)
            {
                var state = (State)kept;
                // The first gradient is taken whole, whatever the dampening.
                var velocity = state.momentum_buffer is { } buffer
                    ? buffer.mul_(momentum).add_(gradient, 1 - set.dampening!.Value)
                    : state.momentum_buffer = gradient.clone().DetachFromDisposeScope();
                gradient = set.nesterov == true ? gradient.add(velocity, momentum) : velocity;
            }

            parameter.add_(gradient, -set.LearningRate!.Value);
        }
    }

    /// <summary>The velocity of a parameter; null before the first update with momentum.</summary>
    public sealed class State(Parameter parameter) : OptimizerState(parameter), IDisposable
    {
        public Tensor? momentum_buffer;

        internal override Tensor?[] Held
        {
            get => [momentum_buffer];
            set => momentum_buffer = value[0];
        }

        /// <inheritdoc/>
        public override void Initialize(OptimizerOptions options) => Replace([null]);

        public void Dispose() => Free();
    }

    public class Options : OptimizerOptions
    {
        public double? momentum;
        public double? dampening;
        public double? weight_decay;
        public bool? nesterov;
        public bool? maximize;

        internal override double?[] Numbers
        {
            get => [momentum, dampening, weight_decay, Number(nesterov), Number(maximize)];
            set => (momentum, dampening, weight_decay, nesterov, maximize) = (value[0], value[1], value[2], Truth(value[3]), Truth(value[4]));
        }

        internal override OptimizerOptions Empty() => new Options();

        internal override void Validate()
        {
            AtLeastZero(LearningRate, "lr");
            AtLeastZero(momentum, "momentum");
            AtLeastZero(weight_decay, "weight_decay");
            if (nesterov == true && (momentum is not > 0 || dampening != 0))
            {
                throw new ArgumentException($"nesterov needs a momentum above 0 and no dampening, and they are {momentum} and {dampening}");
            }
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

        public ParamGroup(IEnumerable<Parameter> parameters, double lr = 1e-3, double momentum = 0.0, double dampening = 0, double weight_decay = 0, bool nesterov = false, bool maximize = false)
            : base(parameters, new Options { LearningRate = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay, nesterov = nesterov, maximize = maximize })
        {
        }

        public double Momentum
        {
            get => Options.momentum!.Value;
            set => Options.momentum = value;
        }
    }
}
