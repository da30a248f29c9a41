using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>Adam (arXiv 1412.6980); weight decay is added to the gradient.</summary>
public class Adam : OptimizerHelper, optim.IBetas
{
    public Adam(IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
        : this([new ParamGroup { Parameters = parameters }], lr, beta1, beta2, eps, weight_decay, amsgrad, maximize)
    {
    }

    public Adam(IEnumerable<ParamGroup> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
        : base(new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize }, parameters)
    {
    }

    public (double, double) Betas
    {
        get => ((ParamGroup)_parameter_groups[0]).Betas;
        set
        {
            foreach (var group in _parameter_groups)
            {
                ((ParamGroup)group).Betas = value;
            }
        }
    }

    private protected override OptimizerState NewState(Parameter parameter) => new State(parameter);

    private protected override void Apply(IReadOnlyList<Update> ready, OptimizerOptions options)
    {
        var set = (Options)options;
        AdamUpdate.Apply(
            [.. ready.Select(update => (update.Parameter, update.Gradient, (IMoments)update.State))],
            new AdamUpdate.Settings(set.LearningRate!.Value, set.beta1!.Value, set.beta2!.Value, set.eps!.Value, set.weight_decay!.Value, Decoupled: false, set.amsgrad!.Value, set.maximize!.Value));
    }

    /// <summary>The running means of a parameter's gradients and of their squares.</summary>
    public sealed class State(Parameter parameter) : OptimizerState(parameter), IMoments, IDisposable
    {
        public long step;
        public Tensor exp_avg = null!;
        public Tensor exp_avg_sq = null!;
        public Tensor? max_exp_avg_sq;

        internal override long Count
        {
            get => step;
            set => step = value;
        }

        internal override Tensor?[] Held
        {
            get => [exp_avg, exp_avg_sq, max_exp_avg_sq];
            set => (exp_avg, exp_avg_sq, max_exp_avg_sq) = (value[0]!, value[1]!, value[2]);
        }

        /// <inheritdoc/>
        public override void Initialize(OptimizerOptions options)
        {
            step = 0;
            Replace([Zeros(), Zeros(), ((Options)options).amsgrad == true ? Zeros() : null]);
        }

        public void Dispose() => Free();

        long IMoments.Step
        {
            get => step;
            set => step = value;
        }

        Tensor IMoments.Mean => exp_avg;

        Tensor IMoments.Square => exp_avg_sq;

        Tensor? IMoments.Largest => max_exp_avg_sq;
    }

    public class Options : OptimizerOptions
    {
        public double? beta1;
        public double? beta2;
        public double? weight_decay;
        public double? eps;
        public bool? amsgrad;
        public bool? maximize;

        internal override double?[] Numbers
        {
            get => [beta1, beta2, weight_decay, eps, Number(amsgrad), Number(maximize)];
            set => (beta1, beta2, weight_decay, eps, amsgrad, maximize) = (value[0], value[1], value[2], value[3], Truth(value[4]), Truth(value[5]));
        }

        internal override OptimizerOptions Empty() => new Options();

        internal override void Validate()
        {
            AtLeastZero(LearningRate, "lr");
            AtLeastZero(eps, "eps");
            AtLeastZero(weight_decay, "weight_decay");
            if (beta1 is not (>= 0 and < 1) || beta2 is not (>= 0 and < 1))
            {
                throw new ArgumentException($"beta1 and beta2 must be in [0, 1), and they are {beta1} and {beta2}");
            }
        }
    }

    public class ParamGroup : ParamGroup<Options>, optim.IBetas
    {
        public ParamGroup()
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, Options options)
            : base(parameters, options)
        {
        }

        public ParamGroup(IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.999, double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false)
            : base(parameters, new Options { LearningRate = lr, beta1 = beta1, beta2 = beta2, eps = eps, weight_decay = weight_decay, amsgrad = amsgrad, maximize = maximize })
        {
        }

        public (double, double) Betas
        {
            get => (Options.beta1!.Value, Options.beta2!.Value);
            set => (Options.beta1, Options.beta2) = value;
        }
    }
}
