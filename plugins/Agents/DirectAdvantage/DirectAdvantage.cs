using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>Direct Advantage: the log-ratio of every step of an answer is fitted to a critic's advantage of the step over beta; the critic is finished before the policy begins.</summary>
/// <remarks>Inputs: logps, reference_logps, mask [N,T]; step_ids [N,T] int64; advantages [N,S]. Outputs: loss; log_ratios [N,S], 0 for a step without tokens.</remarks>
[Algorithm("direct-advantage", Loop.OfflineSteps, Paper = "2412.18279", Title = "Improving Multi-Step Reasoning Abilities of Large Language Models with Direct Advantage Policy Optimization")]
[Default("transforms", new[] { "direct-advantage" })]
public sealed class DirectAdvantage(DirectAdvantageOptions options) : StepObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new Column("advantages") { List = true }];

    /// <summary>½ (A/β - Σ over the step's tokens of log π/ref)², the mean over the steps that have tokens.</summary>
    public override Loss Compute(StepBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("logps", "reference_logps", "mask", "step_ids");
        batch.RequireSameRows("logps", "advantages");
        var (mask, advantages) = (batch.Mask, batch.Advantages.detach());
        var logRatios = StepTokens.Sum((batch.Logps - batch.ReferenceLogps.detach()) * mask, batch.StepIds, advantages.shape[1]);
        var counts = Masked.Indicator(StepTokens.Sum(mask, batch.StepIds, advantages.shape[1]).gt(0), batch.Logps);
        if (counts.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("the 'mask' leaves no step a token: this batch has nothing to learn from");
        }

        var losses = ((advantages / options.Beta) - logRatios).square() / 2;
        var answers = Masked.Indicator(counts.sum(-1).gt(0), batch.Logps);
        var loss = options.Reduction == StepReduction.Step ? Masked.Mean(losses, counts) : Masked.Mean(Masked.RowMean(losses, counts), answers);
        return new Loss(loss) { ["log_ratios"] = logRatios.detach() };
    }

    /// <summary>What the critic should say of a state, the mean outcome of its completions: values, counts [N].</summary>
    /// <param name="completionOutcomes">[N,M] in [0,1].</param>
    /// <param name="completionMask">[N,M] 1 where there is a completion, else 0.</param>
    [Target("direct-advantage/mc_values")]
    public static Outputs McValues(Tensor completionOutcomes, Tensor completionMask)
    {
        new Batch().With("completion_outcomes", completionOutcomes).With("completion_mask", completionMask).RequireSameShape("completion_outcomes", "completion_mask");
        RequireProbabilities(completionOutcomes * completionMask, "completion_outcomes");
        var counts = completionMask.sum(-1);
        return counts.min().ToDouble() > 0 ? new Outputs { ["values"] = Masked.RowMean(completionOutcomes, completionMask), ["counts"] = counts.to_type(ScalarType.Int64) }
            : throw new InvalidInputException("a row of 'completion_mask' is 0 everywhere: its state has no completion, and so no value");
    }

    /// <summary>-(V log σ(z) + (1-V) log σ(-z)), the mean over the labelled states: loss []; predictions [N].</summary>
    /// <param name="valueLogits">[N] z.</param>
    /// <param name="values">[N] V, in [0,1].</param>
    /// <param name="stateMask">[N] 1 where a state is labelled, else 0; null: all are.</param>
    [Target("direct-advantage/critic_loss")]
    public static Loss CriticLoss(Tensor valueLogits, Tensor values, Tensor? stateMask = null)
    {
        ArgumentNullException.ThrowIfNull(valueLogits);
        new Batch().With("value_logits", valueLogits).With("values", values).With("state_mask", stateMask).RequireSameShape("value_logits", "values", "state_mask");
        var mask = stateMask ?? ones_like(valueLogits);
        RequireProbabilities(values * mask, "values");
        Masked.RequireTokens(mask);
        var losses = -((values * nn.functional.logsigmoid(valueLogits)) + ((1 - values) * nn.functional.logsigmoid(-valueLogits)));
        return new Loss(Masked.Mean(losses, mask)) { ["predictions"] = valueLogits.detach().sigmoid() };
    }

    /// <summary>A_t = V(s_{t+1}) - V(s_t), and at the last step the outcome less V: advantages [N,S], 0 where there is no step.</summary>
    /// <param name="values">[N,S] V before each step's first token.</param>
    /// <param name="stepMask">[N,S] 1 at the answer's steps, a leading block, else 0.</param>
    /// <param name="outcomes">[N] in [0,1].</param>
    /// <param name="options">What the last step is credited with.</param>
    /// <param name="terminalValues">[N] the critic's value of the finished answer, where that is it.</param>
    [Target("direct-advantage/advantages")]
    public static Outputs Advantages(Tensor values, Tensor stepMask, Tensor outcomes, StepAdvantageOptions options, Tensor? terminalValues = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(stepMask);
        ArgumentNullException.ThrowIfNull(outcomes);
        ArgumentNullException.ThrowIfNull(options);
        var batch = new Batch().With("values", values).With("step_mask", stepMask).With("outcomes", outcomes).With("terminal_values", terminalValues);
        batch.RequireSameShape("values", "step_mask");
        batch.RequireSameRows("values", "outcomes", "terminal_values");
        RequireProbabilities(outcomes, "outcomes");
        var after = cat([stepMask.narrow(1, 1, stepMask.shape[1] - 1), zeros_like(stepMask.narrow(1, 0, 1))], 1);
        if ((after - stepMask).max().ToDouble() > 0)
        {
            throw new InvalidInputException("a row of 'step_mask' has a hole: an answer's steps are a leading block");
        }

        var end = options.Terminal == TerminalValue.Critic ? batch["terminal_values"] : outcomes;
        var next = cat([values.narrow(1, 1, values.shape[1] - 1), zeros_like(values.narrow(1, 0, 1))], 1);
        return new Outputs { ["advantages"] = (where(after.gt(0), next, end.unsqueeze(1)) - values) * stepMask };
    }

    private static void RequireProbabilities(Tensor values, string name)
    {
        if (values.numel() > 0 && !(values.min().ToDouble() >= 0 && values.max().ToDouble() <= 1))
        {
            throw new InvalidInputException($"'{name}' holds {values.min().ToDouble()} to {values.max().ToDouble()}; an outcome and its mean are in [0, 1]");
        }
    }
}
