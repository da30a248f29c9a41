namespace Plumbline.Training.Models;

/// <summary>A prompt and an answer, as texts.</summary>
public readonly record struct PromptedText(string Prompt, string Answer)
{
    /// <summary>A sampled completion.</summary>
    public static PromptedText Of(Rollout rollout)
    {
        ArgumentNullException.ThrowIfNull(rollout);
        return new(rollout.Example.Text("prompt"), rollout.Text);
    }
}

/// <summary>A network that reads a prompt and an answer into one vector: what stands under the heads of a preference model.</summary>
public interface IPreferenceBackbone : IModel
{
    /// <summary>Numbers of a vector.</summary>
    int Width { get; }

    /// <summary>The longest prompt and answer together, in the units of <see cref="Length"/>.</summary>
    int ContextLength { get; }

    /// <summary>How long a prompt and its answer are.</summary>
    int Length(PromptedText row);

    /// <summary>Reads answers; with gradient where it is on.</summary>
    /// <param name="rows">N prompts, each with an answer.</param>
    /// <param name="prompts">Whether the prompts' own vectors are wanted too.</param>
    /// <returns>[N,Width] after each answer, and [N,Width] after each prompt.</returns>
    (Tensor Answers, Tensor? Prompts) Read(IReadOnlyList<PromptedText> rows, bool prompts);

    /// <summary>A network of the same shape that trains: equal weights where they were learnt before, else first weights of its own.</summary>
    IPreferenceBackbone Another(Draws draws);
}
