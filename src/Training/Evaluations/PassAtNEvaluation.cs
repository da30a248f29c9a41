using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>pass-at-n</c>.</summary>
public sealed record PassAtNOptions : EvaluationOptions, IChecksItself
{
    /// <summary>What scores the completions.</summary>
    public required Part<IReward> Reward { get; init; }

    /// <summary>What samples them; its group_size is how many a prompt, at least the largest n. Default: 128 at temperature 1.</summary>
    public required Part<ISampler> Sampler { get; init; }

    /// <summary>How many completions are looked at: a result each.</summary>
    [Positive]
    public IReadOnlyList<int> N { get; init; } = [1, 2, 4, 8, 16, 32, 64, 128];

    /// <summary>A completion is right where its reward is above this.</summary>
    public double Threshold { get; init; } = 0.5;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (N.Count == 0)
        {
            yield return "n is empty: name at least one number of completions";
        }
    }
}

/// <summary>Pass@N on held-out prompts: the estimated probability that one of N completions is right, for each N asked for (<see cref="PassAtN"/>).</summary>
/// <remarks>Where pass@1 rises and pass@N for a large N falls, training sharpened the policy and lost what it could find before.</remarks>
[Evaluation("pass-at-n")]
[Default("sampler", "kv-cache")]
[Default("sampler.group_size", 128)]
public sealed class PassAtNEvaluation(PassAtNOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var (samples, correct) = (new List<long>(), new List<long>());
        foreach (var (rollouts, scores) in new EvaluationSamples(options, options.Sampler, options.Reward).Of(stage, cancel))
        {
            // What the reward has no opinion of was not sampled, as far as this estimate goes.
            var scored = Enumerable.Range(0, rollouts.Count).Where(row => scores.Scored?[row] ?? true).ToLookup(row => rollouts[row].Example.Index, row => scores.Values[row]);
            foreach (var prompt in scored)
            {
                samples.Add(prompt.Count());
                correct.Add(prompt.Count(value => value > options.Threshold));
            }
        }

        if (samples.Count == 0)
        {
            throw new PlumblineException($"reward '{options.Reward.Id}' has no opinion of any completion, so there is nothing to measure; name another reward");
        }

        using var scope = NewDisposeScope();
        var name = options.Name ?? "pass_at";
        return options.N.ToDictionary(
            n => string.Create(CultureInfo.InvariantCulture, $"{name}_{n}"),
            n => PassAtN.Estimate(tensor(samples.ToArray()), tensor(correct.ToArray()), new() { N = n }).Tensor("pass_at_n").ToDouble());
    }
}
