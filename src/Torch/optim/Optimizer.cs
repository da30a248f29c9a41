using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class optim
    {
        /// <summary>A set of parameters with one learning rate.</summary>
        public interface ILearningRateController
        {
            double LearningRate { get; set; }

            double InitialLearningRate { get; set; }
        }

        /// <summary>An optimiser with a momentum that a schedule may set.</summary>
        public interface IMomentum
        {
            double Momentum { get; set; }
        }

        /// <summary>An optimiser with two decay rates that a schedule may set.</summary>
        public interface IBetas
        {
            (double, double) Betas { get; set; }
        }

        /// <summary>Turns gradients into updates.</summary>
        public abstract class Optimizer : IDisposable
        {
            protected readonly IList<ParamGroup> _parameter_groups = [];

            private protected Optimizer()
            {
            }

            public virtual IEnumerable<ILearningRateController> ParamGroups => _parameter_groups;

            public virtual IEnumerable<Parameter> parameters() => _parameter_groups.SelectMany(group => group.Parameters);

            public abstract void add_param_group(ParamGroup param_group);

            /// <summary>Forgets the gradients, as PyTorch does; TorchSharp's optimisers fill them with zeros.</summary>
            public virtual void zero_grad()
            {
                foreach (var parameter in parameters())
                {
                    parameter.grad = null;
                }
            }

            /// <summary>One update of every parameter that has a gradient.</summary>
            /// <param name="closure">Computes the loss anew, before the update.</param>
            /// <returns>What the closure gave.</returns>
            public abstract Tensor step(Func<Tensor>? closure = null);

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected abstract void Dispose(bool disposing);

            /// <summary>Options of each group and state of each parameter, both in order; the optimiser's own objects, not copies.</summary>
            public class StateDictionary
            {
                internal StateDictionary(IEnumerable<OptimizerOptions> options, IEnumerable<OptimizerState> state) => (Options, State) = ([.. options], [.. state]);

                public List<OptimizerOptions> Options { get; }

                public List<OptimizerState> State { get; }
            }
        }
    }
}
