namespace Acme.Words;

/// <summary>A library of the vendor's own: it knows nothing of Plumbline.</summary>
public static class Letters
{
    /// <summary>The share of vowels among a text's characters; 0 for an empty text.</summary>
    public static double Vowels(string text) =>
        string.IsNullOrEmpty(text) ? 0 : text.Count(letter => "aeiou".Contains(letter, StringComparison.OrdinalIgnoreCase)) / (double)text.Length;
}
