using Plumbline.Training;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RToQ;

/// <summary>From r to Q*: DPO as a problem of tokens, with the reward that it gives each token; numerically DPO.</summary>
/// <remarks>
/// A state is the prompt and the tokens so far, an action the next token. The logits of a model that DPO trained are optimal Q values over β, and β log π/π_ref is
/// the reward of a token, the true one up to a potential: across models only advantages and token rewards compare, q and v inside one model alone.
/// Inputs: policy, reference and mask of both sides. Outputs: loss; losses, chosen_rewards, rejected_rewards [B]; chosen_token_rewards, rejected_token_rewards [B,T]; accuracy, margin [].
/// </remarks>
[Algorithm("r-to-q", Loop.OfflinePairs, Paper = "2404.12358", Title = "From r to Q*: Your Language Model is Secretly a Q-Function")]
[Default("optimizer", "rmsprop")]
[Default("learning_rate", 1e-6)]
[Default("warmup_steps", 150)]
[Default("max_grad_norm", 10.0)]
public sealed class RToQ(RToQOptions options) : PairObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>-log σ(Σ_t r(chosen) - Σ_t r(rejected)), r_t = β log π/π_ref.</summary>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireShapes(reference: true);
        var beta = batch.Number("beta") ?? options.Beta;
        var chosen = TokenRewards(batch.PolicyChosenLogps, batch.ReferenceChosenLogps.detach(), batch.ChosenMask, beta);
        var rejected = TokenRewards(batch.PolicyRejectedLogps, batch.ReferenceRejectedLogps.detach(), batch.RejectedMask, beta);
        var losses = PairLosses.Logistic(chosen.sum(-1) - rejected.sum(-1));
        var loss = PairLosses.WithMetrics(losses.mean(), losses, chosen.sum(-1), rejected.sum(-1));
        (loss["chosen_token_rewards"], loss["rejected_token_rewards"]) = (chosen.detach(), rejected.detach());
        return loss;
    }

    private static Tensor TokenRewards(Tensor policy, Tensor reference, Tensor mask, double beta) => beta * (policy - reference) * mask;

    /// <summary>Which token an answer's reward comes from: token_rewards, cumulative [N,T], totals [N]; worst_tokens, for each row the places of the lowest rewards, lowest first.</summary>
    /// <param name="logps">[N,T] under the policy.</param>
    /// <param name="referenceLogps">[N,T] under the reference.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">β, and how many tokens a row.</param>
    [Target("r-to-q/credit")]
    public static Outputs Credit(Tensor logps, Tensor referenceLogps, Tensor mask, CreditOptions options)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("logps", logps).With("reference_logps", referenceLogps).With("mask", mask).RequireSameShape("logps", "reference_logps", "mask");
        var rewards = TokenRewards(logps, referenceLogps, mask, options.Beta);
        var (width, all, counts) = ((int)mask.shape[1], Doubles(rewards), Doubles(mask));
        int[][] worst = [.. Enumerable.Range(0, (int)mask.shape[0]).Select(row =>
        {
            // A stable order: of equal rewards the token that comes first.
            return Enumerable.Range(0, width).Where(t => counts[(row * width) + t] > 0).OrderBy(t => all[(row * width) + t]).Take(options.Top).ToArray();
        })];
        return new Outputs { ["token_rewards"] = rewards, ["cumulative"] = rewards.cumsum(1), ["totals"] = rewards.sum(1), ["worst_tokens"] = worst };
    }

    /// <summary>What the logits say as Q/β: q, v, advantages, rewards, token_rewards [N,T], 0 where masked; start_values [N].</summary>
    /// <remarks>Σ rewards = Σ token_rewards + start_values. A constant added to a position's logits changes q, v and rewards alone.</remarks>
    /// <param name="policyLogits">[N,T,V].</param>
    /// <param name="referenceLogits">[N,T,V].</param>
    /// <param name="tokens">[N,T] int64.</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">β.</param>
    [Target("r-to-q/values")]
    public static Outputs Values(Tensor policyLogits, Tensor referenceLogits, Tensor tokens, Tensor mask, RToQOptions options)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        RequireLogits(policyLogits, referenceLogits, mask);
        new Batch().With("mask", mask).With("tokens", tokens).RequireSameShape("mask", "tokens");
        // What padding holds is no token.
        var taken = tokens * mask.to_type(ScalarType.Int64);
        if (taken.numel() > 0 && (taken.min().item<long>() < 0 || taken.max().item<long>() >= policyLogits.shape[2]))
        {
            throw new InvalidInputException($"'tokens' holds {taken.min().item<long>()} to {taken.max().item<long>()}, and the logits are those of a vocabulary of {policyLogits.shape[2]} tokens");
        }

        var beta = options.Beta;
        Tensor At(Tensor values) => values.take_along_dim(taken.unsqueeze(2), 2).squeeze(2) * mask;
        var (q, v) = (beta * At(policyLogits), beta * policyLogits.logsumexp(2) * mask);
        var (reference, after) = (At(referenceLogits.log_softmax(2)), cat([v.narrow(1, 1, v.shape[1] - 1), zeros_like(v.narrow(1, 0, 1))], 1));
        return new Outputs
        {
            ["q"] = q,
            ["v"] = v,
            ["advantages"] = q - v,
            ["rewards"] = q - (beta * reference) - (after * mask),
            ["token_rewards"] = beta * (At(policyLogits.log_softmax(2)) - reference),
            ["start_values"] = v.select(1, 0),
        };
    }

    /// <summary>The optimum of a whole tree, backward from its leaves: log_policies, values, a tensor a depth; sequence_log_ratios [V^T] = (rewards - values at the root)/β.</summary>
    /// <param name="referenceLogits">For depth d [V^d,V], prefixes in lexicographic order.</param>
    /// <param name="rewards">[V^T] of the sequences, in lexicographic order.</param>
    /// <param name="options">β.</param>
    [Target("r-to-q/optimal")]
    public static Outputs Optimal(IReadOnlyList<Tensor> referenceLogits, Tensor rewards, RToQOptions options)
    {
        ArgumentNullException.ThrowIfNull(referenceLogits);
        ArgumentNullException.ThrowIfNull(rewards);
        ArgumentNullException.ThrowIfNull(options);
        if (referenceLogits.Count == 0)
        {
            throw new InvalidInputException("'reference_logits' has no depth: a tree has at least one token");
        }

        var prefixes = 1L;
        for (var depth = 0; depth < referenceLogits.Count; depth++, prefixes *= referenceLogits[0].shape[^1])
        {
            if (!referenceLogits[depth].shape.AsSpan().SequenceEqual([prefixes, referenceLogits[0].shape[^1]]))
            {
                throw new InvalidInputException($"the shape of 'reference_logits' at depth {depth} is [{string.Join(',', referenceLogits[depth].shape)}]; it must be [{prefixes},{referenceLogits[0].shape[^1]}]");
            }
        }

        if (rewards.dim() != 1 || rewards.shape[0] != prefixes)
        {
            throw new InvalidInputException($"'rewards' has the shape [{string.Join(',', rewards.shape)}], and the tree has {prefixes} sequences");
        }

        var (policies, values, v) = (new Tensor[referenceLogits.Count], new Tensor[referenceLogits.Count], rewards);
        for (var depth = referenceLogits.Count - 1; depth >= 0; depth--)
        {
            var tilted = referenceLogits[depth].log_softmax(1) + (v.reshape(referenceLogits[depth].shape) / options.Beta);
            policies[depth] = tilted.log_softmax(1);
            v = values[depth] = options.Beta * tilted.logsumexp(1);
        }

        return new Outputs { ["log_policies"] = policies, ["values"] = values, ["sequence_log_ratios"] = (rewards - v) / options.Beta };
    }

    /// <summary>Beam search for the likeliest sequences of a Markov model: sequences and their scores, best first.</summary>
    /// <param name="transitionLogits">[V,V] of the next token after each.</param>
    /// <param name="start">The token before the first one.</param>
    /// <param name="eos">The token that ends a sequence; null: only the length does.</param>
    /// <param name="options">Beams, length, and what a score is divided by.</param>
    [Target("r-to-q/beam_search")]
    public static Outputs BeamSearch(Tensor transitionLogits, int start, int? eos, BeamSearchOptions options)
    {
        ArgumentNullException.ThrowIfNull(transitionLogits);
        ArgumentNullException.ThrowIfNull(options);
        if (transitionLogits.dim() != 2 || transitionLogits.shape[0] != transitionLogits.shape[1])
        {
            throw new InvalidInputException($"the shape of 'transition_logits' is [{string.Join(',', transitionLogits.shape)}]; it must be [V,V]");
        }

        var vocabulary = (int)transitionLogits.shape[0];
        RequireToken(start, nameof(start), vocabulary);
        RequireToken(eos ?? start, nameof(eos), vocabulary);
        using var space = new MarkovSpace(Doubles(transitionLogits.log_softmax(1)).Chunk(vocabulary).ToArray(), start, eos);
        var search = new Beam(new BeamOptions { Beams = options.Beams, Depth = options.MaxTokens, LengthPower = options.LengthPower, Scorer = Part<IStateValue>.Of("score", space) }, space);
        var result = search.Search(space, space.Roots([new SearchTask(new Example(0, []), null, default)]))[0];
        var ends = result.Paths.Select(path => (MarkovState)result.Tree[path[^1]].State!).ToArray();
        return new Outputs
        {
            ["sequences"] = ends.Select(end => end.Steps.Select(step => step.Tokens[0]).ToArray()).ToArray(),
            ["scores"] = ends.Select(end => end.Score / Math.Pow(end.Depth, options.LengthPower)).ToArray(),
        };
    }

    /// <summary>The token reward that the reference expects, -β KL(π_ref || π), never above 0: why implicit rewards fall on answers that the reference fits. expected_token_rewards [N,T], expected_rewards [N].</summary>
    /// <param name="policyLogits">[N,T,V].</param>
    /// <param name="referenceLogits">[N,T,V].</param>
    /// <param name="mask">[N,T] 1 at response tokens, else 0.</param>
    /// <param name="options">β.</param>
    [Target("r-to-q/drift")]
    public static Outputs Drift(Tensor policyLogits, Tensor referenceLogits, Tensor mask, RToQOptions options)
    {
        ArgumentNullException.ThrowIfNull(policyLogits);
        ArgumentNullException.ThrowIfNull(referenceLogits);
        ArgumentNullException.ThrowIfNull(options);
        RequireLogits(policyLogits, referenceLogits, mask);
        var reference = referenceLogits.log_softmax(2);
        var expected = options.Beta * (reference.exp() * (policyLogits.log_softmax(2) - reference)).sum(2) * mask;
        return new Outputs { ["expected_token_rewards"] = expected, ["expected_rewards"] = expected.sum(1) };
    }

    private static void RequireLogits(Tensor policyLogits, Tensor referenceLogits, Tensor mask)
    {
        new Batch().With("policy_logits", policyLogits).With("reference_logits", referenceLogits).RequireSameShape("policy_logits", "reference_logits");
        if (policyLogits.dim() != 3 || !policyLogits.shape.AsSpan(0, 2).SequenceEqual(mask.shape))
        {
            throw new InvalidInputException($"the shape of 'policy_logits' is [{string.Join(',', policyLogits.shape)}], and the shape of 'mask' is [{string.Join(',', mask.shape)}]; [N,T,V] and [N,T] are wanted");
        }
    }

    private static void RequireToken(int token, string name, int vocabulary)
    {
        if (token < 0 || token >= vocabulary)
        {
            throw new InvalidInputException($"'{name}' is {token}, and the vocabulary has the tokens 0 to {vocabulary - 1}");
        }
    }

    private static double[] Doubles(Tensor values) => values.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
}
