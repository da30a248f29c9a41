using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        public static Modules.SGD SGD(IEnumerable<Parameter> parameters, double learningRate, double momentum = 0.0, double dampening = 0.0, double weight_decay = 0.0, bool nesterov = false, bool maximize = false) =>
            new(parameters, learningRate, momentum, dampening, weight_decay, nesterov, maximize);

        public static Modules.Adam Adam(IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.99, double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
            new(parameters, lr, beta1, beta2, eps, weight_decay, decoupled: false, amsgrad, maximize);

        public static Modules.AdamW AdamW(IEnumerable<Parameter> parameters, double lr = 1e-3, double beta1 = 0.9, double beta2 = 0.99, double eps = 1e-8, double weight_decay = 0, bool amsgrad = false, bool maximize = false) =>
            new(parameters, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize);

        public static Modules.RMSProp RMSProp(IEnumerable<Parameter> parameters, double lr = 0.01, double alpha = 0.99, double eps = 1e-8, double weight_decay = 0, double momentum = 0, bool centered = false, bool maximize = false) =>
            new(parameters, lr, alpha, eps, weight_decay, momentum, centered, maximize);

        /// <summary>A set of parameters with one learning rate.</summary>
        public interface ILearningRateController
        {
            double LearningRate { get; set; }

            double InitialLearningRate { get; set; }
        }

        public sealed class ParamGroup : ILearningRateController
        {
            internal ParamGroup(IEnumerable<Parameter> parameters, double lr) => (Parameters, LearningRate, InitialLearningRate) = ([.. parameters], lr, lr);

            public IReadOnlyList<Parameter> Parameters { get; }

            public double LearningRate { get; set; }

            public double InitialLearningRate { get; set; }
        }

        /// <summary>Turns gradients into updates. State tensors belong to the optimiser.</summary>
        public abstract class Optimizer : IDisposable
        {
            private readonly Dictionary<Parameter, Dictionary<string, Tensor>> _state = new(ReferenceEqualityComparer.Instance);

            protected Optimizer(IEnumerable<Parameter> parameters, double lr) => ParamGroups = [new ParamGroup(parameters, lr)];

            public IReadOnlyList<ParamGroup> ParamGroups { get; }

            public IEnumerable<Parameter> parameters() => ParamGroups.SelectMany(group => group.Parameters);

            /// <summary>Updates made so far.</summary>
            public long Steps { get; private set; }

            public virtual void zero_grad()
            {
                foreach (var parameter in parameters())
                {
                    parameter.grad = null;
                }
            }

            public virtual Tensor? step(Func<Tensor>? closure = null)
            {
                var loss = closure?.Invoke();
                using var scope = NewDisposeScope();
                using var still = no_grad();
                Steps++;
                foreach (var group in ParamGroups)
                {
                    var ready = new List<(Parameter Parameter, Tensor Gradient)>();
                    foreach (var parameter in group.Parameters)
                    {
                        if (parameter.grad is { } gradient)
                        {
                            ready.Add((parameter, gradient));
                        }
                    }

                    Update(ready, group.LearningRate);
                }

                return loss;
            }

            /// <summary>The state tensors by parameter place and name, and the number of updates; for checkpoints.</summary>
            public Dictionary<string, Tensor> state_dict()
            {
                var state = new Dictionary<string, Tensor>();
                var place = 0;
                foreach (var parameter in parameters())
                {
                    foreach (var (name, tensor) in _state.GetValueOrDefault(parameter) ?? [])
                    {
                        state[$"{place}.{name}"] = tensor;
                    }

                    place++;
                }

                state["steps"] = tensor(Steps);
                return state;
            }

            /// <summary>Takes over a state that <see cref="state_dict"/> gave.</summary>
            public void load_state_dict(IReadOnlyDictionary<string, Tensor> state)
            {
                ArgumentNullException.ThrowIfNull(state);
                Parameter[] all = [.. parameters()];
                using var still = no_grad();
                foreach (var (key, tensor) in state.Where(pair => pair.Key != "steps"))
                {
                    var parts = key.Split('.', 2);
                    State(all[int.Parse(parts[0], System.Globalization.CultureInfo.InvariantCulture)], parts[1]).copy_(tensor);
                }

                Steps = state["steps"].ToInt64();
            }

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            /// <summary>Updates parameters from their gradients, in place, without recording.</summary>
            protected abstract void Update(IReadOnlyList<(Parameter Parameter, Tensor Gradient)> ready, double lr);

            /// <summary>A state tensor of a parameter, zero at first.</summary>
            protected Tensor State(Parameter parameter, string name)
            {
                if (!_state.TryGetValue(parameter, out var named))
                {
                    _state[parameter] = named = [];
                }

                if (!named.TryGetValue(name, out var tensor))
                {
                    named[name] = tensor = zeros_like(parameter).DetachFromDisposeScope();
                }

                return tensor;
            }

            protected virtual void Dispose(bool disposing)
            {
                foreach (var tensor in _state.Values.SelectMany(named => named.Values))
                {
                    tensor.Dispose();
                }

                _state.Clear();
            }
        }
    }
}
