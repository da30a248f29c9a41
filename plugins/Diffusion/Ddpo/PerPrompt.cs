using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Ddpo;

/// <summary>Each reward against the mean of the last rewards of its own prompt, over their deviation; a prompt with few takes those of the batch.</summary>
/// <remarks>Inputs: rewards [N] (several, [N,K], are added), prompt_ids [N], history_ids, history_rewards [H]. Outputs: advantages [N]; counts [G].</remarks>
[Advantage("per-prompt", Paper = "2305.13301", Title = "Training Diffusion Models with Reinforcement Learning")]
public sealed class PerPrompt(PerPromptOptions options) : ITransitionAdvantage
{
    private const double Epsilon = 1e-6;

    /// <inheritdoc/>
    public int Remembers => options.BufferSize;

    /// <inheritdoc/>
    public Outputs Compute(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var rewards = batch["rewards"].dim() == 2 ? batch["rewards"].sum(1) : batch["rewards"];
        return Advantages(rewards, batch["prompt_ids"], batch["history_ids"], batch["history_rewards"], options);
    }

    /// <summary>(r - mean)/(std + 1e-6), where std divides by n.</summary>
    /// <param name="rewards">[N].</param>
    /// <param name="groupIds">[N] int64, each row's prompt.</param>
    /// <param name="historyIds">[H] int64 prompts of earlier rewards.</param>
    /// <param name="historyRewards">[H] earlier rewards, oldest first.</param>
    /// <param name="options">The buffer's size.</param>
    /// <returns>advantages [N]; counts [G] int64, the rewards that each prompt of this batch remembers, by ascending number.</returns>
    [Target("ddpo/per_prompt_advantages")]
    public static Outputs Advantages(Tensor rewards, Tensor groupIds, Tensor historyIds, Tensor historyRewards, PerPromptOptions options)
    {
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(groupIds);
        ArgumentNullException.ThrowIfNull(historyIds);
        ArgumentNullException.ThrowIfNull(historyRewards);
        ArgumentNullException.ThrowIfNull(options);
        var (now, prompts) = (Numbers(rewards), groupIds.cpu().data<long>().ToArray());
        if (now.Length != prompts.Length || historyRewards.numel() != historyIds.numel())
        {
            throw new InvalidInputException("the shape of 'group_ids' must be that of 'rewards', and the shape of 'history_ids' that of 'history_rewards'");
        }

        var remembered = historyIds.cpu().data<long>().ToArray().Concat(prompts).Zip(Numbers(historyRewards).Concat(now))
            .GroupBy(pair => pair.First, pair => pair.Second)
            .ToDictionary(prompt => prompt.Key, prompt => prompt.TakeLast(options.BufferSize).ToArray());
        var batch = Statistics(now);
        var own = remembered.ToDictionary(prompt => prompt.Key, prompt => prompt.Value.Length < options.MinCount ? batch : Statistics(prompt.Value));
        return new Outputs
        {
            ["advantages"] = tensor(now.Zip(prompts, (reward, prompt) => (reward - own[prompt].Mean) / (own[prompt].Std + Epsilon)).ToArray(), rewards.dtype, rewards.device),
            ["counts"] = tensor(prompts.Distinct().Order().Select(prompt => (long)remembered[prompt].Length).ToArray()),
        };
    }

    private static double[] Numbers(Tensor values) => values.to_type(ScalarType.Float64).cpu().data<double>().ToArray();

    private static (double Mean, double Std) Statistics(double[] values)
    {
        var mean = values.Average();
        return (mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
    }
}
