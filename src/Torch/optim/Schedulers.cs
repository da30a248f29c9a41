namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static class lr_scheduler
        {
            public static LRScheduler LambdaLR(Optimizer optimizer, Func<int, double> lr_lambda, int last_epoch = -1, bool verbose = false) =>
                new(optimizer, (step, initial) => initial * lr_lambda(step));

            public static LRScheduler StepLR(Optimizer optimizer, int step_size, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new(optimizer, (step, initial) => initial * Math.Pow(gamma, step / step_size));

            public static LRScheduler ExponentialLR(Optimizer optimizer, double gamma = 0.1, int last_epoch = -1, bool verbose = false) =>
                new(optimizer, (step, initial) => initial * Math.Pow(gamma, step));

            public static LRScheduler LinearLR(Optimizer optimizer, double start_factor = 1.0 / 3, double end_factor = 1.0, int total_iters = 5, int last_epoch = -1, bool verbose = false) =>
                new(optimizer, (step, initial) => initial * (start_factor + ((end_factor - start_factor) * Math.Min(step, total_iters) / total_iters)));

            public static LRScheduler CosineAnnealingLR(Optimizer optimizer, double T_max, double eta_min = 0, int last_epoch = -1, bool verbose = false) =>
                new(optimizer, (step, initial) => eta_min + ((initial - eta_min) * (1 + Math.Cos(Math.PI * step / T_max)) / 2));

            /// <summary>Sets the learning rates as a function of the steps taken.</summary>
            public sealed class LRScheduler
            {
                private readonly Optimizer _optimizer;
                private readonly Func<int, double, double> _rate;
                private int _step;

                internal LRScheduler(Optimizer optimizer, Func<int, double, double> rate)
                {
                    (_optimizer, _rate) = (optimizer, rate);
                    Apply();
                }

                public void step()
                {
                    _step++;
                    Apply();
                }

                public IEnumerable<double> get_last_lr() => _optimizer.ParamGroups.Select(group => group.LearningRate);

                private void Apply()
                {
                    foreach (var group in _optimizer.ParamGroups)
                    {
                        group.LearningRate = _rate(_step, group.InitialLearningRate);
                    }
                }
            }
        }
    }
}
