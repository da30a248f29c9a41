using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Oreo;

/// <summary>OREO: a value function and the policy learn together, from single answers with an outcome, to satisfy the soft Bellman equation along every suffix; each token or step gets its own credit.</summary>
/// <remarks>
/// Along a path of deterministic text the optimum is V(s_t) = R - β L_t, L_t the log-ratios from t to the end. Inputs: logps, reference_logps, mask, values [N,T];
/// rewards [N]; state_mask [N,T] or step_ids [N,T] int64, from which the level makes it; policy_logits and reference_logits [N,T,V] for the full divergence.
/// Outputs: loss; bellman, kl [].
/// </remarks>
[Algorithm("oreo", Loop.OfflineSteps, Paper = "2412.16145", Title = "Offline Reinforcement Learning for LLM Multi-Step Reasoning")]
[Default("transforms", new[] { "sampled-steps" })]
[Default("batch_size", 128)]
[Default("learning_rate", 5e-6)]
public sealed class Oreo(OreoOptions options) : StepObjective, IValueObjective
{
    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference | (FullKl ? Needs.Logits | Needs.ReferenceLogits : Needs.None);

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new("rewards")];

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["beta"] = options.Beta, ["kl_coef"] = options.KlCoef };

    private bool FullKl => options.KlCoef > 0 && options.KlEstimator == OreoKl.Full;

    /// <summary>The mean over the answer's states of (β (own_t + L_next) + V_t - R)², where only the log-ratio own_t of the state's own tokens carries gradient, and the divergence.</summary>
    public override Loss Compute(StepBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (beta, klCoef) = (batch.Number("beta") ?? options.Beta, batch.Number("kl_coef") ?? options.KlCoef);
        var (ratios, states, rewards) = Inputs(batch);
        var values = batch.Values.detach();
        Tensor bellman;
        if (options.Level == OreoLevel.Response)
        {
            var first = First(states);
            bellman = ((beta * (ratios.ToCome() * first).sum(1)) + (values * first).sum(1) - rewards.squeeze(1)).square().mean();
        }
        else
        {
            var own = ratios.Own(states);
            var later = (ratios.ToCome() - own).detach();
            bellman = Masked.RowMean(((beta * (own + later)) + values - rewards).square(), states).mean();
        }

        var kl = klCoef > 0 ? Masked.RowMean(Divergence(batch, ratios), batch.Mask).mean() : zeros_like(bellman).detach();
        return new Loss(bellman + (klCoef * kl)) { ["bellman"] = bellman.detach(), ["kl"] = kl.detach() };
    }

    /// <summary>The mean over the answer's states of (V_t + β L_t - R)², the policy a constant; then over the answers. Also residuals [N,T].</summary>
    [Target("oreo/value_loss")]
    public Loss ValueLoss(Batch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var beta = batch.Number("beta") ?? options.Beta;
        var (ratios, states, rewards) = Inputs(batch);
        var toCome = ratios.ToCome().detach();
        var clipped = options.ClipLog is { } bound ? toCome.clamp(-bound, bound) : toCome;
        var residuals = (batch["values"] + (beta * clipped) - rewards) * states;
        var losses = residuals.square().sum(1) / states.sum(1);
        if (options.ImportanceWeighting)
        {
            losses = losses * toCome.select(1, 0).clamp_max(1).exp();
        }

        return new Loss(losses.mean()) { ["residuals"] = residuals.detach() };
    }

    /// <summary>A step of the value-guided search: of the candidates the best, highest value first and of equal ones the lower place; <c>continue</c> the unfinished ones of them, <c>answers</c> the finished.</summary>
    /// <param name="values">[N] the value after each candidate's step.</param>
    /// <param name="finished">[N] bool, whether the candidate is a whole answer.</param>
    /// <param name="options">How many are kept.</param>
    [Target("oreo/beam_step")]
    public static Outputs BeamStep(Tensor values, Tensor finished, OreoBeamOptions options)
    {
        ArgumentNullException.ThrowIfNull(values);
        ArgumentNullException.ThrowIfNull(finished);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("values", values).With("finished", finished).RequireSameShape("values", "finished");
        var whole = finished.cpu().data<bool>().ToArray();
        var scores = values.detach().to_type(ScalarType.Float64).cpu().data<double>().ToArray();
        // A stable order.
        int[] kept = [.. Enumerable.Range(0, scores.Length).OrderByDescending(place => scores[place]).Take(options.Beam)];
        return new Outputs { ["continue"] = kept.Where(place => !whole[place]).ToArray(), ["answers"] = kept.Where(place => whole[place]).ToArray() };
    }

    private Tensor Divergence(Batch batch, LogRatios ratios)
    {
        if (options.KlEstimator == OreoKl.K3)
        {
            return KlEstimates.K3(ratios.Tokens);
        }

        batch.RequireSameShape("policy_logits", "reference_logits");
        var (policy, reference) = (batch["policy_logits"].log_softmax(2), batch["reference_logits"].detach().log_softmax(2));
        return (policy.exp() * (policy - reference)).sum(2);
    }

    /// <summary>The log-ratios, the states and the outcomes [N,1] of a batch that is right.</summary>
    private (LogRatios Ratios, Tensor States, Tensor Rewards) Inputs(Batch batch)
    {
        var mask = batch["mask"];
        if (batch.Find("state_mask") is not { } states)
        {
            states = options.Level == OreoLevel.Step ? StepTokens.First(batch["step_ids"], mask) : options.Level == OreoLevel.Response ? First(mask) : mask;
        }

        batch.RequireSameShape("logps", "reference_logps", "mask", "values");
        new Batch().With("mask", mask).With("state_mask", states).RequireSameShape("mask", "state_mask");
        batch.RequireSameRows("logps", "rewards");
        return states.sum(1).min().ToDouble() == 0 ? throw new InvalidInputException("a row of 'state_mask' is 0 everywhere: its answer has no state to learn from")
            : (states * (1 - mask)).max().ToDouble() > 0 ? throw new InvalidInputException("'state_mask' is 1 where 'mask' is 0: a state stands before a token of the answer")
            : (new LogRatios((batch["logps"] - batch["reference_logps"].detach()) * mask), states, batch["rewards"].detach().unsqueeze(1));
    }

    /// <summary>1 at the first place of each row that is 1, else 0.</summary>
    private static Tensor First(Tensor mask) => mask * Masked.Indicator(mask.cumsum(1).eq(1), mask);

    /// <summary>log π/π_ref of each token [N,T], 0 where masked.</summary>
    private readonly record struct LogRatios(Tensor Tokens)
    {
        /// <summary>L_t [N,T]: from each token to the answer's end.</summary>
        internal Tensor ToCome() => Tokens.flip(1).cumsum(1).flip(1);

        /// <summary>own_t [N,T]: from each token to the next state, the tokens of the action that the state before it takes.</summary>
        internal Tensor Own(Tensor states)
        {
            // Tokens before the first state are of no action: place 0 is theirs.
            var actions = states.cumsum(1).to_type(ScalarType.Int64);
            var sums = zeros([Tokens.shape[0], Tokens.shape[1] + 1], Tokens.dtype, Tokens.device).scatter_add(1, actions, Tokens);
            return sums.take_along_dim(actions, 1);
        }
    }
}
