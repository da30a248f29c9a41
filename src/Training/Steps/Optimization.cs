using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Loss to updated weights: backward, gradient clipping, the optimiser at the scheduled learning rate.</summary>
public sealed class Optimization : IDisposable
{
    private readonly Parameter[] _parameters;
    private OptimizerHelper _optimizer;
    private OptimizerHelper? _kept;
    private readonly TrainingOptions _options;
    private readonly double _peak;

    /// <summary>An optimiser over the parameters that train.</summary>
    /// <param name="parameters">Those without gradient are passed over.</param>
    /// <param name="options">The stage's options.</param>
    /// <param name="learningRate">Another peak than the options'; null takes theirs.</param>
    public Optimization(IEnumerable<Parameter> parameters, TrainingOptions options, double? learningRate = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        _peak = learningRate ?? options.LearningRate;
        _parameters = [.. parameters.Where(parameter => parameter.requires_grad)];
        if (_parameters.Length == 0)
        {
            throw new PlumblineException("nothing to train: every parameter of the model is frozen");
        }

        _optimizer = NewOptimizer();
    }

    /// <summary>One update.</summary>
    /// <param name="loss">[] the scalar to minimise.</param>
    /// <param name="step">From 0; it sets the learning rate.</param>
    /// <returns>The gradient's norm before clipping, and the learning rate.</returns>
    /// <exception cref="PlumblineException">Loss or gradient is not finite; the weights are as before.</exception>
    public (double GradNorm, double LearningRate) Step(Tensor loss, int step)
    {
        var value = Backward(loss, step);
        var norm = Clip(step, value);
        return (norm, Update(step));
    }

    /// <summary>Forgets the gradients. Two optimisers on one loss: both forget, one goes backward, both clip, both update.</summary>
    public void Zero() => _optimizer.zero_grad();

    /// <summary>Fresh gradients of a loss.</summary>
    /// <param name="loss">[] the scalar to minimise.</param>
    /// <param name="step">From 0; for messages.</param>
    /// <returns>The loss.</returns>
    /// <exception cref="PlumblineException">The loss is not finite, is no scalar, or depends on no parameter.</exception>
    public double Backward(Tensor loss, int step)
    {
        ArgumentNullException.ThrowIfNull(loss);
        if (loss.numel() != 1 || !loss.requires_grad)
        {
            throw new PlumblineException(loss.numel() != 1
                ? $"the loss has the shape [{string.Join(',', loss.shape)}] at step {step}; an objective must return one number"
                : $"the loss carries no gradient at step {step}: it depends on no weight that trains. Does the objective detach its inputs?");
        }

        var value = loss.ToDouble();
        if (!double.IsFinite(value))
        {
            throw new PlumblineException($"the loss is {value} at step {step}; the weights were left as before this step. Try a lower learning_rate, or float32 where the dtype is bfloat16");
        }

        Zero();
        loss.backward();
        return value;
    }

    /// <summary>Scales the gradients at hand down to the longest norm allowed.</summary>
    /// <returns>The norm before.</returns>
    /// <exception cref="PlumblineException">The gradient is not finite.</exception>
    public double Clip(int step, double loss)
    {
        var norm = nn.utils.clip_grad_norm_(_parameters, _options.MaxGradNorm ?? double.PositiveInfinity);
        if (!double.IsFinite(norm))
        {
            throw new PlumblineException($"the gradient's norm is {norm} at step {step}, with a loss of {loss}; the weights were left as before this step. Try a lower learning_rate");
        }

        return norm;
    }

    /// <summary>One update from the gradients at hand.</summary>
    /// <returns>The learning rate.</returns>
    public double Update(int step)
    {
        var rate = RateAt(step, _peak, _options);
        foreach (var group in _optimizer.ParamGroups)
        {
            group.LearningRate = rate;
        }

        _optimizer.step();
        return rate;
    }

    /// <summary>Begins anew: the optimiser forgets what it knows of the gradients so far.</summary>
    public void Reset()
    {
        _optimizer.Dispose();
        _optimizer = NewOptimizer();
    }

    /// <summary>Remembers the parameters and all that the optimiser knows of them.</summary>
    /// <returns>Puts both back; to be called before the scope of tensors at hand ends.</returns>
    public Action Snapshot()
    {
        using var still = no_grad();
        var values = _parameters.Select(parameter => parameter.detach().clone()).ToArray();
        // A second optimiser over the same parameters holds the copies.
        _kept ??= NewOptimizer();
        _kept.load_state_dict(_optimizer.state_dict());
        return () =>
        {
            using var still = no_grad();
            for (var i = 0; i < values.Length; i++)
            {
                _parameters[i].copy_(values[i]);
                values[i].Dispose();
            }

            _optimizer.load_state_dict(_kept.state_dict());
        };
    }

    /// <summary>The learning rate of a step: a line up over the warm-up, then the schedule down to zero after the last step.</summary>
    public static double RateAt(int step, double peak, TrainingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (step < options.WarmupSteps)
        {
            return peak * (step + 1) / options.WarmupSteps;
        }

        var done = (step - options.WarmupSteps) / (double)Math.Max(1, options.Steps - options.WarmupSteps);
        return options.Schedule switch
        {
            ScheduleKind.Linear => peak * (1 - done),
            ScheduleKind.Cosine => peak * 0.5 * (1 + Math.Cos(Math.PI * done)),
            _ => peak,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _optimizer.Dispose();
        _kept?.Dispose();
    }

    private OptimizerHelper NewOptimizer() => _options.Optimizer switch
    {
        OptimizerKind.Adamw => optim.AdamW(_parameters, _peak, _options.Beta1, _options.Beta2, _options.AdamEpsilon, _options.WeightDecay),
        OptimizerKind.Adam => optim.Adam(_parameters, _peak, _options.Beta1, _options.Beta2, _options.AdamEpsilon, _options.WeightDecay),
        OptimizerKind.Sgd => optim.SGD(_parameters, _peak, weight_decay: _options.WeightDecay),
        OptimizerKind.Rmsprop => optim.RMSProp(_parameters, _peak, weight_decay: _options.WeightDecay),
        var other => throw new PlumblineException($"unknown optimizer {other}"),
    };
}
