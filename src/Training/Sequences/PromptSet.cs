using Microsoft.Extensions.Logging;

namespace Plumbline.Training;

/// <summary>The prompts a loop samples from.</summary>
internal static class PromptSet
{
    /// <summary>Tokenizes prompts; one that leaves no room for an answer is treated as the policy says.</summary>
    internal static List<(Example Example, int[] Prompt)> Build(IReadOnlyList<Example> examples, SequenceBuilder builder, OverlongPolicy overlong, ILogger log)
    {
        var prompts = new List<(Example, int[])>(examples.Count);
        var dropped = 0;
        foreach (var example in examples)
        {
            var prompt = builder.Prompt(example);
            if (prompt.Length < builder.MaxLength)
            {
                prompts.Add((example, prompt));
            }
            else if (overlong == OverlongPolicy.Refuse)
            {
                throw new PlumblineException(
                    $"the prompt of row {example.Index} is {prompt.Length} tokens long, and the longest sequence is {builder.MaxLength}; raise max_length or context_length, or set overlong to \"drop\"");
            }
            else if (overlong == OverlongPolicy.TruncatePrompt)
            {
                prompts.Add((example, builder.Last(prompt, Math.Max(1, builder.MaxLength / 2))));
            }
            else
            {
                dropped++;
            }
        }

        if (dropped > 0)
        {
            log.LogWarning("left out {Dropped} of {Count} prompts longer than {MaxLength} tokens", dropped, examples.Count, builder.MaxLength);
        }

        return prompts.Count > 0 ? prompts : throw new PlumblineException(
            examples.Count == 0 ? "the data set has no prompts to sample from" : $"none of the {examples.Count} prompts fits into {builder.MaxLength} tokens");
    }
}
