namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static class lr_scheduler
        {
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * lr_lambda(step));

            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * Math.Pow(gamma, step / step_size));

            public static LRScheduler MultiStepLR(Optimizer optimizer, IList<int> milestones, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * Math.Pow(gamma, milestones.Count(milestone => milestone <= step)));

            public static LRScheduler ExponentialLR(Optimizer optimizer, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * Math.Pow(gamma, step));

            public static LRScheduler ConstantLR(Optimizer optimizer, double factor = 1.0 / 3, int total_iters = 5, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => step < total_iters ? initial * factor : initial);

            public static LRScheduler LinearLR(Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0, int total_iters = 5, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * (start_factor + ((end_factor - start_factor) * Math.Min(step, total_iters) / total_iters)));

            public static LRScheduler PolynomialLR(Optimizer optimizer, int total_iters = 5, double power = 1.0, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => initial * Math.Pow(1 - (Math.Min(step, total_iters) / (double)total_iters), power));

            public static LRScheduler CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false) =>
                new Formula(optimizer, last_epoch, (step, initial) => eta_min + ((initial - eta_min) * (1 + Math.Cos(Math.PI * step / T_max)) / 2));

            /// <summary>Sets the learning rates of an optimiser's groups.</summary>
            public abstract class LRScheduler
            {
                private protected LRScheduler()
                {
                }

                public virtual void step() => step(null);

                /// <summary>Goes to a step; null to the next.</summary>
                public abstract void step(int? epoch);

                /// <summary>The same, for schedules that heed a measured value; these don't.</summary>
                public virtual void step(double current, int? epoch = null) => step(epoch);

                public abstract IEnumerable<double> get_last_lr();
            }

            /// <summary>A rate that is a function of the step and the initial rate.</summary>
            private sealed class Formula : LRScheduler
            {
                private readonly Optimizer _optimizer;
                private readonly Func<int, double, double> _rate;
                private int _step;

                internal Formula(Optimizer optimizer, int lastStep, Func<int, double, double> rate)
                {
                    (_optimizer, _rate, _step) = (optimizer, rate, lastStep);
                    step(null);
                }

                public override void step(int? epoch)
                {
                    _step = epoch ?? (_step + 1);
                    foreach (var group in _optimizer.ParamGroups)
                    {
                        group.LearningRate = _rate(_step, group.InitialLearningRate);
                    }
                }

                public override IEnumerable<double> get_last_lr() => [.. _optimizer.ParamGroups.Select(group => group.LearningRate)];
            }
        }
    }
}
