namespace Plumbline.Training.Agents;

/// <summary>The legal actions as tokens, by their beginnings: which tokens may come next, and which action is complete.</summary>
internal sealed class ActionTrie
{
    private readonly Node _root = new();

    /// <summary>The actions of a list.</summary>
    /// <exception cref="PlumblineException">Two actions can't be told apart, or one ends where another goes on.</exception>
    internal ActionTrie(IReadOnlyList<string> actions, ITokenizer tokenizer)
    {
        foreach (var action in actions)
        {
            int[] tokens = tokenizer.EosId is { } end ? [.. tokenizer.Encode(action), end] : tokenizer.Encode(action);
            Longest = Math.Max(Longest, tokens.Length);
            var node = _root;
            foreach (var token in tokens)
            {
                if (node.Action is { } shorter)
                {
                    throw Ambiguous(shorter, action);
                }

                node = node.Next(token);
            }

            node.Action = node.Action is null && node.Allowed.Count == 0 && tokens.Length > 0 ? action : throw Ambiguous(node.Action ?? string.Empty, action);
        }

        _root.Freeze();
    }

    /// <summary>Tokens of the longest action, its end included.</summary>
    internal int Longest { get; }

    /// <summary>Where nothing is said yet.</summary>
    internal Node Root => _root;

    private static PlumblineException Ambiguous(string one, string other) =>
        new($"the legal actions '{one}' and '{other}' can't be told apart as tokens: one is empty, or ends where the other goes on, and the tokenizer has no end-of-sequence token");

    /// <summary>A beginning of actions.</summary>
    internal sealed class Node
    {
        private readonly SortedDictionary<int, Node> _next = [];

        /// <summary>The tokens that may come next, ascending; none where an action is complete.</summary>
        internal IReadOnlyCollection<int> Allowed => _next.Keys;

        /// <summary>The same as an array.</summary>
        internal int[] Tokens { get; private set; } = [];

        /// <summary>The action that is complete here.</summary>
        internal string? Action { get; set; }

        /// <summary>After one more token; null where it may not come.</summary>
        internal Node? After(int token) => _next.GetValueOrDefault(token);

        internal Node Next(int token) => _next.TryGetValue(token, out var node) ? node : _next[token] = new Node();

        internal void Freeze()
        {
            Tokens = [.. _next.Keys];
            foreach (var node in _next.Values)
            {
                node.Freeze();
            }
        }
    }
}
