using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Search;

/// <summary>The sum of a path's log-probabilities under the policy that proposed its steps.</summary>
[Part(SearchKinds.StateValue, "path-likelihood")]
public sealed class PathLikelihood : IStateValue
{
    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space) => [.. states.Select(Of)];

    internal static double Of(SearchState state) => state.Steps.Sum(step => step.Logps.Sum(logp => (double)logp));
}

/// <summary>What a finished path earned; where none of the states has earned anything known, the sum of its log-probabilities.</summary>
[Part(SearchKinds.StateValue, "path-outcome")]
public sealed class PathOutcome : IStateValue
{
    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(states);
        return states.Any(state => state.Reward is not null) ? [.. states.Select(state => state.Reward ?? double.MinValue)] : [.. states.Select(PathLikelihood.Of)];
    }
}

/// <summary>Options of <c>self-evaluation</c>.</summary>
public sealed record SelfEvaluationOptions
{
    /// <summary>What the policy is asked; {prompt}, {answer} (all steps so far) and {solution} are filled in.</summary>
    public string Question { get; init; } = "{prompt}\n{answer}\nIs the reasoning so far (A) correct or (B) incorrect? The answer is (";

    /// <summary>How the policy says that it is right: the first token of each of these.</summary>
    public IReadOnlyList<string> Correct { get; init; } = ["A"];

    /// <summary>How it says that it is wrong. Where there are any, the probability is that among these two; else that of the right ones among all tokens.</summary>
    public IReadOnlyList<string> Incorrect { get; init; } = [];

    /// <summary>The column of the data with a worked solution, which fills {solution} and so serves as a hint in training; null or absent: nothing does.</summary>
    public string? Solution { get; init; }
}

/// <summary>The policy's own probability that the path so far is right, from its next token after a question.</summary>
[Part(SearchKinds.StateValue, "self-evaluation")]
public sealed class SelfEvaluation(SelfEvaluationOptions options) : IStateValue
{
    /// <inheritdoc/>
    public bool AsksModel => true;

    /// <inheritdoc/>
    public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(states);
        ArgumentNullException.ThrowIfNull(space);
        var model = space.Policy as ICausalModel ?? throw new PlumblineException("self-evaluation asks a language model, and the policy of this search is none");
        var tokenizer = model.Tokenizer;
        int[][] prompts = [.. states.Select(state => Prompt(state, tokenizer, model.ContextLength))];
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var width = prompts.Max(prompt => prompt.Length);
        var device = model.Network.parameters().First().device;
        var tokens = full([prompts.Length, width], tokenizer.PadId, ScalarType.Int64, device);
        for (var row = 0; row < prompts.Length; row++)
        {
            tokens[row].narrow(0, 0, prompts[row].Length).copy_(tensor(prompts[row].Select(token => (long)token).ToArray(), device: device));
        }

        var last = tensor(prompts.Select(prompt => prompt.Length - 1L).ToArray(), device: device).reshape(-1, 1, 1);
        var hidden = model.Hidden(tokens);
        var next = model.Logits(hidden.take_along_dim(last.expand(-1, 1, hidden.shape[2]), 1).squeeze(1)).to_type(ScalarType.Float64).softmax(-1);
        var right = Mass(options.Correct);
        if (options.Incorrect.Count > 0)
        {
            right = right / (right + Mass(options.Incorrect)).clamp_min(double.Epsilon);
        }

        // Rounding may lift a sum a hair above 1.
        return right.clamp(0, 1).cpu().data<double>().ToArray();

        Tensor Mass(IReadOnlyList<string> words)
        {
            long[] ids = [.. words.Select(word => tokenizer.Encode(word) is [var first, ..] ? (long)first
                : throw new PlumblineException($"the word '{word}' of self-evaluation has no token in the policy's language")).Distinct()];
            return ids.Length == 0 ? throw new PlumblineException("'correct' of self-evaluation is empty; it needs at least one word") : next.index_select(1, tensor(ids, device: device)).sum(-1);
        }
    }

    private int[] Prompt(SearchState state, ITokenizer tokenizer, int longest)
    {
        var text = options.Question
            .Replace("{prompt}", state.Task.Example.FindText("prompt") ?? string.Empty, StringComparison.Ordinal)
            .Replace("{answer}", string.Concat(state.Steps.Select(step => step.Text)), StringComparison.Ordinal)
            .Replace("{solution}", (options.Solution is { } column ? state.Task.Example.FindText(column) : null) ?? string.Empty, StringComparison.Ordinal);
        int[] tokens = tokenizer.BosId is { } begin ? [begin, .. tokenizer.Encode(text)] : tokenizer.Encode(text);
        return tokens.Length > 0 && tokens.Length <= longest ? tokens
            : throw new PlumblineException($"a question of self-evaluation has {tokens.Length} tokens, and the model reads 1 to {longest}; shorten 'question' or the paths, or raise context_length");
    }
}
