using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>An objective at work: with its further terms, its state, the controllers of its coefficients and the optimiser, it turns a batch into an update.</summary>
/// <remarks>Every loop that trains updates through it, so that terms, state and controllers compose with each.</remarks>
public sealed class Learner : IDisposable
{
    private readonly StageContext _stage;
    private readonly TrainingOptions _options;
    private readonly (string Id, IObjective Objective)[] _terms;
    private readonly (IStatefulObjective Objective, nn.Module Module)[] _states;
    private readonly Loss[] _losses;
    private readonly (string Metric, Optimization Optimization)[] _optimizations;
    private readonly Steering[] _steering;
    private int _updates;

    /// <summary>A learner for one stage.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="options">Its options.</param>
    /// <param name="terms">The objective and the terms added to it, each with its id.</param>
    /// <param name="policy">What trains; null where it is no language model.</param>
    /// <param name="parameters">What the options' optimiser updates.</param>
    /// <param name="others">Further groups of parameters with a peak learning rate of their own: the name of their norm's metric, the parameters, the rate.</param>
    public Learner(
        StageContext stage, TrainingOptions options, IEnumerable<(string Id, IObjective Objective)> terms, ICausalModel? policy, IEnumerable<Parameter> parameters,
        params ReadOnlySpan<(string Metric, IEnumerable<Parameter> Parameters, double? Rate)> others)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(options);
        (_stage, _options, _terms) = (stage, options, [.. terms]);
        _steering = [.. options.Controllers.Select(steered => Steer(steered, stage))];
        _losses = new Loss[_terms.Length];
        _states = [.. _terms.Select(term => term.Objective).OfType<IStatefulObjective>().Select((objective, i) => (objective, objective.Begin(policy, stage.Draws.Key("state").Key(i))))];
        var groups = new List<(string, Optimization)> { ("grad_norm", new Optimization(parameters, options)) };
        foreach (var (metric, more, rate) in others)
        {
            groups.Add((metric, new Optimization(more, options, rate)));
        }

        foreach (var (objective, module) in _states.Where(state => state.Module.parameters().Any()))
        {
            groups.Add(("state_grad_norm", new Optimization(
                module.parameters(), options with { WeightDecay = objective.StateWeightDecay ?? options.WeightDecay }, objective.StateLearningRate)));
        }

        _optimizations = [.. groups];
    }

    /// <summary>What the loop must compute: for the objective and for its terms.</summary>
    public Needs Needs => _terms.Aggregate(Needs.None, (needs, term) => needs | term.Objective.Needs);

    /// <summary>The columns that the data's rows must bring.</summary>
    public IReadOnlyList<Column> Columns => [.. _terms.SelectMany(term => term.Objective.Columns).DistinctBy(column => column.Name)];

    /// <summary>The optimiser of the options' parameters.</summary>
    internal Optimization Optimization => _optimizations[0].Optimization;

    /// <summary>Updates so far.</summary>
    public int Updates => _updates;

    /// <summary>One update.</summary>
    /// <param name="batch">The inputs; what the objective needs beyond them is added.</param>
    /// <param name="step">The stage's step, from 0; it sets the learning rate.</param>
    /// <param name="metrics">Takes what the update tells; a step's metrics are its last update's.</param>
    /// <param name="completions">Completions, or pairs, that stand behind the batch.</param>
    /// <param name="backward">Where the loss's gradient ends at inputs that the loop made without their graph: takes it on to the parameters. Null: the graph is whole.</param>
    public void Update(Batch batch, int step, Dictionary<string, double> metrics, int completions, Action? backward = null)
    {
        ArgumentNullException.ThrowIfNull(batch);
        ArgumentNullException.ThrowIfNull(metrics);
        batch.With("iteration", step).With("iterations", _options.Steps);
        Complete(batch, completions);
        var value = ValueLoss(batch, metrics);
        var loss = Loss(batch, metrics);
        Apply(loss, batch, step, metrics, value, backward);
    }

    /// <summary>The loss of the value function, where there is one; the batch's values are constants from then on.</summary>
    private Tensor? ValueLoss(Batch batch, Dictionary<string, double> metrics)
    {
        Tensor? sum = null;
        foreach (var objective in _terms.Select(term => term.Objective).OfType<IValueObjective>())
        {
            // The policy is a constant of this loss, whatever its author does.
            var loss = objective.ValueLoss(batch.Constant(but: "values"));
            sum = sum is null ? loss.Value : sum + loss.Value;
            var told = new Dictionary<string, double>();
            told.Add(loss.AsEnumerable());
            foreach (var (name, number) in told)
            {
                metrics[$"value_{name}"] = number;
            }
        }

        if (sum is not null)
        {
            metrics["value_loss"] = sum.ToDouble();
            batch.With("values", batch["values"].detach());
        }

        return sum;
    }

    /// <summary>Adds step numbers, draws, coefficients and what the states contribute.</summary>
    internal void Complete(Batch batch, int completions)
    {
        batch.With("step", _updates).With("total_steps", (double)_options.Steps * _options.UpdatesPerStep);
        string[] drawn = [.. _terms.SelectMany(term => term.Objective.Draws).Distinct()];
        if (drawn.Length > 0)
        {
            AddDraws(batch, drawn, _stage, _updates, Rows(batch));
        }

        foreach (var steering in _steering)
        {
            batch.With(steering.Of, steering.Next(_updates, _options.Steps * _options.UpdatesPerStep, completions));
        }

        foreach (var (objective, _) in _states)
        {
            objective.Prepare(batch);
        }
    }

    /// <summary>The objective's loss and those of its terms.</summary>
    internal Loss Loss(Batch batch, Dictionary<string, double> metrics)
    {
        var loss = _losses[0] = _terms[0].Objective.Compute(batch);
        if (_terms.Length == 1)
        {
            metrics.Add(loss);
            return loss;
        }

        metrics.Add(loss);
        var total = loss.Value;
        for (var i = 1; i < _terms.Length; i++)
        {
            var (id, term) = (_terms[i].Id, _losses[i] = _terms[i].Objective.Compute(batch));
            total = total + term.Value;
            var told = new Dictionary<string, double>();
            told.Add(term);
            foreach (var (name, value) in told)
            {
                metrics[$"{id}/{name}"] = value;
            }
        }

        metrics["loss"] = total.ToDouble();
        var whole = new Loss(total);
        foreach (var (name, value) in loss)
        {
            whole[name] = value;
        }

        return whole;
    }

    /// <summary>Backward, clip, update, then states and controllers.</summary>
    /// <param name="loss">The objective's loss.</param>
    /// <param name="batch">What it was of.</param>
    /// <param name="step">The stage's step.</param>
    /// <param name="metrics">Takes norms and rates.</param>
    /// <param name="value">
    /// The value function's loss. No weight stands behind both: each sees what the other learns as constants. So one pass backward gives both gradients, and
    /// the order of the two updates does not matter.
    /// </param>
    /// <param name="backward">As <see cref="Update"/> takes it.</param>
    internal void Apply(Loss loss, Batch batch, int step, Dictionary<string, double> metrics, Tensor? value = null, Action? backward = null)
    {
        foreach (var (_, optimization) in _optimizations.Skip(1))
        {
            optimization.Zero();
        }

        var total = Optimization.Backward(value is null ? loss.Value : loss.Value + value, step);
        AddGradients(batch);
        backward?.Invoke();
        // Every gradient is looked at before any network changes.
        foreach (var (metric, optimization) in _optimizations)
        {
            metrics[metric] = optimization.Clip(step, total);
        }

        metrics["learning_rate"] = Optimization.Update(step);
        foreach (var (_, optimization) in _optimizations.Skip(1))
        {
            optimization.Update(step);
        }

        using var still = no_grad();
        foreach (var (objective, _) in _states)
        {
            // Its own loss, whatever else was added to it.
            objective.Finish(batch, _losses[Array.FindIndex(_terms, term => ReferenceEquals(term.Objective, objective))]);
        }

        foreach (var steering in _steering)
        {
            metrics[steering.Of] = steering.Value;
            steering.See(metrics);
        }

        _updates++;
    }

    /// <summary>Adds the gradients that are no loss's.</summary>
    private void AddGradients(Batch batch)
    {
        for (var i = 0; i < _terms.Length; i++)
        {
            if (_terms[i].Objective is not IGradientObjective objective)
            {
                continue;
            }

            using var still = no_grad();
            foreach (var (name, gradient) in objective.Gradients(batch, _losses[i]))
            {
                if (batch.Find(name) is not Parameter { requires_grad: true } weight)
                {
                    throw new PlumblineException($"objective '{_terms[i].Id}' adds a gradient to '{name}', and this batch has no weight of that name that trains");
                }

                if (weight.grad is { } own)
                {
                    own.add_(gradient);
                }
                else
                {
                    using var copy = gradient.detach().clone();
                    weight.grad = copy;
                }
            }
        }
    }

    /// <summary>The optimisers begin anew; everything else goes on.</summary>
    internal void ResetOptimizers() => Array.ForEach(_optimizations, group => group.Optimization.Reset());

    /// <summary>Remembers all that an update changes: parameters, optimisers, the objectives' states, the coefficients, the count of updates.</summary>
    /// <returns>Puts it back; to be called before the scope of tensors at hand ends.</returns>
    internal Action Snapshot()
    {
        Action[] restore =
        [
            .. _optimizations.Select(group => group.Optimization.Snapshot()),
            .. _states.SelectMany(state => state.Module.buffers()).Select(Keep),
            .. _steering.Select(steering => steering.Snapshot()),
        ];
        var updates = _updates;
        return () =>
        {
            Array.ForEach(restore, action => action());
            _updates = updates;
        };

        static Action Keep(Tensor buffer)
        {
            var value = buffer.detach().clone();
            return () =>
            {
                using var still = no_grad();
                buffer.copy_(value);
            };
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, optimization) in _optimizations)
        {
            optimization.Dispose();
        }

        foreach (var (_, module) in _states)
        {
            module.Dispose();
        }
    }

    /// <summary>Adds the uniform numbers that a part asks for, a tensor [N] a name; keyed by name, time and row.</summary>
    /// <param name="batch">Takes them.</param>
    /// <param name="names">The part's own.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="at">The update or the step.</param>
    /// <param name="like">[N,...] a row each; they have its dtype and device.</param>
    internal static Batch AddDraws(Batch batch, IReadOnlyList<string> names, StageContext stage, int at, Tensor like)
    {
        foreach (var name in names)
        {
            batch.With(name, Uniforms(stage.Draws.Key(name).Key(at), (int)like.shape[0]).to(like.device).to_type(like.dtype));
        }

        return batch;
    }

    /// <summary>[count] uniform numbers in [0,1), one a row.</summary>
    /// <remarks>Of 24 bits, so that single precision holds each as it is: a number just below 1 would be rounded to 1.</remarks>
    internal static Tensor Uniforms(Draws draws, int count) => tensor(Enumerable.Range(0, count).Select(row => Math.Floor(draws.Key(row).Uniform() * (1 << 24)) / (1 << 24)).ToArray());

    private static Tensor Rows(Batch batch) => batch.Find("mask") ?? batch.Find("chosen_mask") ?? batch.Find("item_mask") ?? batch.Find("chosen_scores") ?? batch.Find("chosen_embeddings") ?? batch.Find("scores") ?? batch.Find("prediction") ?? batch.Find("chosen_target") ?? batch.Find("rewards") ?? batch.Find("features") ?? batch["embeddings"];

    private Steering Steer(SteeredCoefficient steered, StageContext stage)
    {
        foreach (var (_, objective) in _terms)
        {
            if (objective.Coefficients.TryGetValue(steered.Of, out var value))
            {
                return new Steering(steered.Of, steered.By.Id, steered.By.Create(stage.Services), value);
            }
        }

        var known = _terms.SelectMany(term => term.Objective.Coefficients.Keys).ToList();
        throw new PlumblineException($"controller '{steered.By.Id}' is to steer '{steered.Of}', and {string.Join(" and ", _terms.Select(term => $"objective '{term.Id}'"))} has no such coefficient ({(known.Count == 0 ? "none can be steered" : "there are " + string.Join(", ", known))})");
    }

    /// <summary>A coefficient while it is steered.</summary>
    private sealed class Steering(string of, string id, IController controller, double start)
    {
        private double? _measured;
        private bool _seen;

        internal string Of { get; } = of;

        internal double Value { get; private set; } = start;

        internal double Next(int update, int updates, int completions)
        {
            Value = controller.Next(new ControlState(Value, update, updates, _measured, completions));
            return double.IsFinite(Value) ? Value : throw new PlumblineException($"controller '{id}' set '{Of}' to {Value} at update {update}");
        }

        internal Action Snapshot()
        {
            var (value, measured, seen) = (Value, _measured, _seen);
            return () => (Value, _measured, _seen) = (value, measured, seen);
        }

        internal void See(Dictionary<string, double> metrics)
        {
            if (controller.Measures is not { } metric)
            {
                return;
            }

            _measured = metrics.TryGetValue(metric, out var value) ? value
                : _seen ? _measured
                : throw new PlumblineException($"controller '{id}' follows the metric '{metric}', and the steps of this stage have none of that name; they have {string.Join(", ", metrics.Keys.Order(StringComparer.Ordinal))}");
            _seen = true;
        }
    }
}
