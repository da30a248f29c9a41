namespace Plumbline.Training.Agents;

/// <summary>A reply while it grows.</summary>
internal sealed class ReplyLine(Dialogue dialogue, Draws draws, int[] prompt, ActionTrie? trie)
{
    internal Dialogue Dialogue { get; } = dialogue;

    internal int[] Prompt { get; } = prompt;

    internal List<int> Tokens { get; } = [];

    internal List<float> Logps { get; } = [];

    internal List<int[]> Allowed { get; } = [];

    /// <summary>Where it stands among the legal actions; null where any text goes.</summary>
    internal ActionTrie.Node? Node { get; private set; } = trie?.Root;

    /// <summary>The most tokens it may have.</summary>
    internal int Longest { get; set; }

    internal bool Ended { get; private set; }

    internal bool Cut { get; private set; }

    internal double NextDraw => draws.Key(Tokens.Count).Uniform();

    internal void Add(int token, float logp, int? end)
    {
        Tokens.Add(token);
        Logps.Add(logp);
        if (Node is not null)
        {
            Allowed.Add(Node.Tokens);
            Node = Node.After(token)!;
            Ended = Node.Action is not null;
            return;
        }

        // Where nothing but the length ends a reply, the longest is a complete one.
        Cut = end is not null && token != end && Tokens.Count >= Longest;
        Ended = token == end || Tokens.Count >= Longest;
    }
}
