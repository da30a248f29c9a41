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

    private static bool GoesOn(SearchState state) =>
        state.Choice is not null || state.Context.Count == state.Parent!.Context.Count + state.Step!.Tokens.Length;
}

/// <summary>Pairs of steps to the batch that a pair objective reads.</summary>
internal abstract class StepPairScorer
{
    /// <summary>The scorer for a policy's sort.</summary>
    /// <exception cref="PlumblineException">It is no sort that writes or chooses steps.</exception>
    internal static StepPairScorer For(IModel policy, IModel? reference, Needs needs) => policy switch
    {
        ICausalModel causal => new Written(new PairScorer(causal, (ICausalModel?)reference, needs)),
        IChoiceModel choice => new Picked(choice, (IChoiceModel?)reference),
        _ => throw new PlumblineException($"a policy that is searched writes its steps or chooses among them, and a {policy.GetType().Name} does neither"),
    };

    /// <summary>The batch of B pairs.</summary>
    internal abstract PairBatch Score(IReadOnlyList<StepPair> pairs);

    /// <summary>Steps that are texts.</summary>
    private sealed class Written(PairScorer scorer) : StepPairScorer
    {
        internal override PairBatch Score(IReadOnlyList<StepPair> pairs) =>
            scorer.Score([.. pairs.Select(pair => Sequence(pair.Node, pair.Chosen))], [.. pairs.Select(pair => Sequence(pair.Node, pair.Rejected))]);

        private static PromptedSequence Sequence(SearchState node, IReadOnlyList<SearchState> chain) => new([.. node.Context], [.. chain.SelectMany(state => state.Step!.Tokens)]);
    }

    /// <summary>Steps that are picked among options: a token is a choice.</summary>
    private sealed class Picked(IChoiceModel policy, IChoiceModel? reference) : StepPairScorer
    {
        internal override PairBatch Score(IReadOnlyList<StepPair> pairs)
        {
            var width = pairs.Max(pair => Math.Max(pair.Chosen.Count, pair.Rejected.Count));
            var batch = new PairBatch();
            foreach (var (side, of) in new (string, Func<StepPair, IReadOnlyList<SearchState>>)[] { ("chosen", pair => pair.Chosen), ("rejected", pair => pair.Rejected) })
            {
                IReadOnlyList<SearchState>[] chains = [.. pairs.Select(of)];
                batch.With($"policy_{side}_logps", Logps(policy, chains, width));
                var logps = batch[$"policy_{side}_logps"];
                var (mask, tokens) = (new float[chains.Length * width], new long[chains.Length * width]);
                for (var row = 0; row < chains.Length; row++)
                {
                    for (var t = 0; t < chains[row].Count; t++)
                    {
                        (mask[(row * width) + t], tokens[(row * width) + t]) = (1, chains[row][t].Step!.Tokens[0]);
                    }
                }

                batch.With($"{side}_mask", tensor(mask, [chains.Length, width], device: logps.device).to_type(logps.dtype))
                    .With($"{side}_tokens", tensor(tokens, [chains.Length, width], device: logps.device));
                if (reference is not null)
                {
                    using var still = no_grad();
                    batch.With($"reference_{side}_logps", Logps(reference, chains, width));
                }
            }

            return batch;
        }

        /// <summary>[B,width] the log-probability of each choice; 0 where there is none.</summary>
        private static Tensor Logps(IChoiceModel model, IReadOnlyList<SearchState>[] chains, int width)
        {
            SearchState[] taken = [.. chains.SelectMany(chain => chain)];
            var logits = model.Logits([.. taken.Select(state => state.Parent!.Choice!)]).log_softmax(-1);
            var picked = tensor(taken.Select(state => (long)state.Step!.Tokens[0]).ToArray(), device: logits.device).unsqueeze(1);
            var places = tensor(chains.SelectMany((chain, row) => Enumerable.Range(row * width, chain.Count).Select(place => (long)place)).ToArray(), device: logits.device);
            return zeros([chains.Length * width], logits.dtype, logits.device).index_add(0, places, logits.gather(1, picked).squeeze(1), 1).reshape(chains.Length, width);
        }
    }
}
