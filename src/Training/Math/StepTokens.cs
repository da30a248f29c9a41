using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Values of tokens gathered by the step that each token belongs to.</summary>
public static class StepTokens
{
    /// <summary>The sum of each step's tokens.</summary>
    /// <param name="values">[N,T], 0 where masked.</param>
    /// <param name="stepIds">[N,T] int64; negative where a token belongs to no step.</param>
    /// <param name="steps">S.</param>
    /// <returns>[N,S]; 0 for a step without tokens.</returns>
    /// <exception cref="InvalidInputException">An id is S or more; the message holds <c>step_ids</c>.</exception>
    public static Tensor Sum(Tensor values, Tensor stepIds, long steps)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(stepIds);
        if (stepIds.numel() > 0 && stepIds.max().to_type(ScalarType.Int64).item<long>() is var last && last >= steps)
        {
            throw new InvalidInputException($"'step_ids' holds the step {last}, and there are numbers for {steps} steps; ids begin at 0");
        }

        // One place more than there are steps takes the tokens of no step.
        var places = where(stepIds.lt(0), full_like(stepIds, steps), stepIds);
        return zeros([values.shape[0], steps + 1], values.dtype, values.device).scatter_add(1, places, values).narrow(1, 0, steps);
    }

    /// <summary>1 at the first token of each step, else 0: where a step begins.</summary>
    /// <param name="stepIds">[N,T] int64; negative where a token belongs to no step. A step's tokens are next to each other.</param>
    /// <param name="mask">[N,T] 1 at answer tokens, else 0.</param>
    /// <returns>[N,T], in the mask's dtype.</returns>
    public static Tensor First(Tensor stepIds, Tensor mask)
    {
        ArgumentNullException.ThrowIfNull(stepIds);
        ArgumentNullException.ThrowIfNull(mask);
        new Batch().With("mask", mask).With("step_ids", stepIds).RequireSameShape("mask", "step_ids");
        var before = cat([full_like(stepIds.narrow(1, 0, 1), -1), stepIds.narrow(1, 0, stepIds.shape[1] - 1)], 1);
        return mask * Masked.Indicator(stepIds.ne(before).logical_and(stepIds.ge(0)), mask);
    }
}
