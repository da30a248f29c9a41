namespace Plumbline.Training.Search;

/// <summary>The formulas of a tree search: which child is tried next, what is carried back, which step is taken.</summary>
public static class TreeStatistics
{
    /// <summary>PUCT: q + exploration · prior · √(visits of the parent) / (1 + visits), a child each.</summary>
    /// <exception cref="InvalidInputException">The node is a leaf.</exception>
    public static double[] PuctScores(SearchTree tree, int node, double exploration)
    {
        ArgumentNullException.ThrowIfNull(tree);
        var children = tree.RequireChildren(node);
        var root = Math.Sqrt(tree[node].Visits);
        return [.. children.Select(child => child.Q + (exploration * child.Prior * root / (1 + child.Visits)))];
    }

    /// <summary>The child with the highest PUCT score, the first on ties.</summary>
    public static int PuctSelect(SearchTree tree, int node, double exploration) => tree[node].Children[First(PuctScores(tree, node, exploration))];

    /// <summary>
    /// Carries values up a path whose steps are rewarded by the difference of static values: the last node's q = r + discount · v; above it v becomes the mean of
    /// its children's q weighted by max(1, visits), then q = r + discount · v. Each node is visited once more; the root has no q.
    /// </summary>
    /// <exception cref="InvalidInputException">The path leaves the edges.</exception>
    public static void Backup(SearchTree tree, IReadOnlyList<int> path, double discount)
    {
        ArgumentNullException.ThrowIfNull(tree);
        ArgumentNullException.ThrowIfNull(path);
        tree.RequirePath(path);
        for (var at = path.Count - 1; at >= 0; at--)
        {
            var node = tree[path[at]];
            if (at < path.Count - 1)
            {
                var weights = tree.Children(node.Index).Sum(child => (double)Math.Max(1, child.Visits));
                node.V = tree.Children(node.Index).Sum(child => Math.Max(1, child.Visits) * child.Q) / weights;
            }

            node.Visits++;
            if (node.Index != 0)
            {
                node.Q = tree.Reward(node.Index) + (discount * node.V);
            }
        }
    }

    /// <summary>The step to take: the child with the greatest (visits · (spread + 1), q, v), the first on ties. Spread is the difference between the most and the least visited of its own children.</summary>
    /// <exception cref="InvalidInputException">The node is a leaf.</exception>
    public static int BestChild(SearchTree tree, int node, bool considerDiversity)
    {
        ArgumentNullException.ThrowIfNull(tree);
        return tree.RequireChildren(node).MaxBy(child => (child.Visits * (Spread(child) + 1L), child.Q, child.V))!.Index;

        int Spread(SearchNode child) => considerDiversity && child.Children.Count > 0
            ? tree.Children(child.Index).Max(below => below.Visits) - tree.Children(child.Index).Min(below => below.Visits) : 0;
    }

    /// <summary>The distribution over the children to draw a step from: uniform over the most visited at temperature 0, else (exp(q) · (its children + 1))^(1/temperature), normalised.</summary>
    /// <exception cref="InvalidInputException">The node is a leaf.</exception>
    public static double[] StepPolicy(SearchTree tree, int node, double temperature, bool considerDiversity)
    {
        ArgumentNullException.ThrowIfNull(tree);
        var children = tree.RequireChildren(node);
        if (temperature == 0)
        {
            var most = children.Max(child => child.Visits);
            var ties = children.Count(child => child.Visits == most);
            return [.. children.Select(child => child.Visits == most ? 1.0 / ties : 0)];
        }

        double[] logits = [.. children.Select(child => (child.Q + Math.Log(considerDiversity ? child.Children.Count + 1 : 1)) / temperature)];
        var highest = logits.Max();
        var sum = logits.Sum(logit => Math.Exp(logit - highest));
        return [.. logits.Select(logit => Math.Exp(logit - highest) / sum)];
    }

    /// <summary>The prior of a step: exp(Σ logps / L^lengthPenalty) for its L tokens; 1 is the geometric mean of their probabilities.</summary>
    /// <exception cref="InvalidInputException">It has no token; the message holds <c>mask</c>.</exception>
    public static double Prior(IReadOnlyList<float> logps, double lengthPenalty)
    {
        ArgumentNullException.ThrowIfNull(logps);
        return logps.Count > 0 ? Prior(logps.Sum(logp => (double)logp), logps.Count, lengthPenalty) : throw new InvalidInputException("a step has no token (its 'mask' is 0 everywhere), and so no prior");
    }

    /// <summary>The same of a sum of log-probabilities over so many tokens.</summary>
    public static double Prior(double logps, double tokens, double lengthPenalty) => Math.Exp(logps / Math.Pow(tokens, lengthPenalty));

    /// <summary>The place of the greatest number, the first on ties.</summary>
    internal static int First(double[] scores) => Array.IndexOf(scores, scores.Max());
}
