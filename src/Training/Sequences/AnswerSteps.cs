namespace Plumbline.Training;

/// <summary>Answers cut into steps.</summary>
public static class AnswerSteps
{
    /// <summary>Where steps end: after a separator, and at the answer's end. The end-of-sequence token goes with the step before it.</summary>
    /// <param name="tokenizer">Reads tokens and knows the end.</param>
    /// <param name="tokens">The answer.</param>
    /// <param name="separator">What ends a step; null: each token is a step.</param>
    /// <returns>For each step the place after its last token.</returns>
    public static int[] Ends(ITokenizer tokenizer, int[] tokens, string? separator)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(tokens);
        var ends = new List<int>();
        var start = 0;
        for (var i = 1; i <= tokens.Length; i++)
        {
            if (i == tokens.Length || (tokens[i] != tokenizer.EosId
                && (separator is null || tokenizer.Decode(tokens.AsSpan(start, i - start)).EndsWith(separator, StringComparison.Ordinal))))
            {
                ends.Add(i);
                start = i;
            }
        }

        return [.. ends];
    }
}
