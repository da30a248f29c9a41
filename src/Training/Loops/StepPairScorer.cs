using Plumbline.Training.Agents;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Two steps that could be taken in one state; each may be a chain of several.</summary>
/// <param name="Node">The state of the decision.</param>
/// <param name="Chosen">The states after the better step, and after those joined to it.</param>
/// <param name="Rejected">The states after the worse step, and after those joined to it.</param>
/// <param name="Numbers">What the pair brings for the objective.</param>
internal sealed record StepPair(SearchState Node, IReadOnlyList<SearchState> Chosen, IReadOnlyList<SearchState> Rejected, IReadOnlyDictionary<string, double> Numbers)
{
    internal static StepPair Of(SearchTree tree, TreePair pair, bool joinChains) =>
        new(tree[pair.Node].State!, Chain(tree, pair.Chosen, joinChains), Chain(tree, pair.Rejected, joinChains), pair.Numbers);

    /// <summary>The state after a step, and those after it as long as there is but one way on that the policy writes without reading anything between.</summary>
    private static List<SearchState> Chain(SearchTree tree, int node, bool join)
    {
        List<SearchState> chain = [tree[node].State!];
        while (join && tree[node].Children is [var only] && GoesOn(chain[^1]))
        {
            node = only;
            chain.Add(tree[node].State!);
        }

        return chain;
    }

    private static bool GoesOn(SearchState state) => state.Context.Count > 0 && state.Context.Count == state.Parent!.Context.Count + state.Step!.Tokens.Length;
}

/// <summary>Pairs of steps to the batch that a pair objective reads.</summary>
internal abstract class StepPairScorer
{
    /// <summary>The scorer for what a space's steps are.</summary>
    /// <exception cref="PlumblineException">The policy can't take such steps.</exception>
    internal static StepPairScorer For(ISearchSpaces spaces, IModel policy, IModel? reference, Needs needs) =>
        spaces is IActingSpaces acting ? new Replied(acting.Actor(policy), reference is null ? null : acting.Actor(reference), needs)
        : policy is ICausalModel causal ? new Written(new PairScorer(causal, (ICausalModel?)reference, needs))
        : throw new PlumblineException($"the steps of this search space are written by a language model, and the policy is a {policy.GetType().Name}");

    /// <summary>The batch of B pairs.</summary>
    internal abstract PairBatch Score(IReadOnlyList<StepPair> pairs);

    /// <summary>Steps that are texts.</summary>
    private sealed class Written(PairScorer scorer) : StepPairScorer
    {
        internal override PairBatch Score(IReadOnlyList<StepPair> pairs) =>
            scorer.Score([.. pairs.Select(pair => Sequence(pair.Node, pair.Chosen))], [.. pairs.Select(pair => Sequence(pair.Node, pair.Rejected))]);

        private static PromptedSequence Sequence(SearchState node, IReadOnlyList<SearchState> chain) => new([.. node.Context], [.. chain.SelectMany(state => state.Step!.Tokens)]);
    }

    /// <summary>Steps that are replies in an environment.</summary>
    private sealed class Replied(IActor policy, IActor? reference, Needs needs) : StepPairScorer
    {
        internal override PairBatch Score(IReadOnlyList<StepPair> pairs)
        {
            Reply[] both = [.. pairs.Select(pair => ((ActingState)pair.Chosen[0]).Reply!), .. pairs.Select(pair => ((ActingState)pair.Rejected[0]).Reply!)];
            var scored = policy.Score(both, needs);
            var batch = new PairBatch();
            PairScorer.Add(batch, "policy_{0}_logps", scored.Logps);
            PairScorer.Add(batch, "{0}_mask", scored.Mask);
            PairScorer.Add(batch, "{0}_tokens", scored.Tokens);
            PairScorer.Add(batch, "policy_{0}_logits", scored.Logits);
            PairScorer.Add(batch, "policy_{0}_entropies", scored.Entropies);
            if (reference is not null)
            {
                using var still = no_grad();
                var frozen = reference.Score(both, needs.HasFlag(Needs.ReferenceLogits) ? Needs.Logits : Needs.None);
                PairScorer.Add(batch, "reference_{0}_logps", frozen.Logps);
                PairScorer.Add(batch, "reference_{0}_logits", frozen.Logits);
            }

            return batch;
        }
    }
}
