using Plumbline.Training.Diffusion;
using static TorchSharp.torch;

namespace Plumbline.Plugins.D3Po;

/// <summary>Prefers the sample with the larger reward; of several rewards one that is at least as large in all and larger in some.</summary>
[Judge("d3po", Paper = "2311.13231", Title = "Using Human Feedback to Fine-tune Diffusion Models without Any Reward Model")]
public sealed class Judgement(PreferenceOptions options) : ISampleJudge
{
    /// <inheritdoc/>
    public Outputs Judge(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Preference(batch["first_rewards"], batch["second_rewards"], options);
    }

    /// <summary>One reward: the larger is preferred. Several: one that is at least as large in all and larger in some; else a tie.</summary>
    /// <param name="firstRewards">[N] or [N,K].</param>
    /// <param name="secondRewards">The same shape.</param>
    /// <param name="options">Which side of a reward is better.</param>
    /// <returns>preference [N,2].</returns>
    [Target("d3po/preference")]
    public static Outputs Preference(Tensor firstRewards, Tensor secondRewards, PreferenceOptions options)
    {
        ArgumentNullException.ThrowIfNull(firstRewards);
        ArgumentNullException.ThrowIfNull(secondRewards);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("first_rewards", firstRewards).With("second_rewards", secondRewards).RequireSameShape("first_rewards", "second_rewards");
        var lead = (options.HigherIsBetter ? firstRewards - secondRewards : secondRewards - firstRewards).reshape(firstRewards.shape[0], -1);
        var first = Wins(lead) - Wins(-lead);
        return new Outputs { ["preference"] = stack([first, -first], 1) };

        Tensor Wins(Tensor ahead) => ahead.ge(0).all(1).logical_and(ahead.gt(0).any(1)).to_type(firstRewards.dtype);
    }

    /// <summary>Every pair of samples of one condition whose labels differ; the larger label is preferred.</summary>
    /// <param name="labels">[k] int64, such as a person's: 1 acceptable, 0 not.</param>
    /// <returns>first, second [M] int64, ordered by first, then second, first &lt; second; preference [M,2].</returns>
    [Target("d3po/all_pairs")]
    public static Outputs AllPairs(int[] labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        var pairs = (from first in Enumerable.Range(0, labels.Length)
                     from second in Enumerable.Range(first + 1, labels.Length - first - 1)
                     where labels[first] != labels[second]
                     select (First: (long)first, Second: (long)second, Preference: labels[first] > labels[second] ? 1.0 : -1.0)).ToArray();
        return new Outputs
        {
            ["first"] = tensor(pairs.Select(pair => pair.First).ToArray()),
            ["second"] = tensor(pairs.Select(pair => pair.Second).ToArray()),
            ["preference"] = tensor(pairs.SelectMany(pair => new[] { pair.Preference, -pair.Preference }).ToArray(), [pairs.Length, 2]),
        };
    }
}
