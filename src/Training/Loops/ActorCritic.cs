using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>actor-critic</c>.</summary>
public sealed record ActorCriticOptions : RolloutOptions, IChecksItself
{
    /// <summary>The loss of actor and critic.</summary>
    public required Part<ActorCriticObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<ActorCriticObjective>> Terms { get; init; } = [];

    /// <summary>What spreads a completion's score over its tokens.</summary>
    public required Part<ITokenReward> TokenReward { get; init; }

    /// <summary>What estimates advantages and returns from token rewards and values.</summary>
    public required Part<ITokenAdvantage> Advantage { get; init; }

    /// <summary>What steers the coefficient of the divergence penalty; null: it stays.</summary>
    public Part<IController>? KlController { get; init; }

    /// <summary>Which completions of a batch learn, and how much; null: all alike. Advantages are made of the whole batch before.</summary>
    public Part<IRolloutFilter>? Filter { get; init; }

    /// <summary>Tokens a step: rows that don't end within them stay in flight, and prompts_per_step is the number of rows; null: each row is sampled to its end.</summary>
    [Positive]
    public int? Window { get; init; }

    /// <summary>Where the value function lives.</summary>
    public CriticKind Critic { get; init; } = CriticKind.Head;

    /// <summary>Peak learning rate of the critic's own parameters; null: the policy's.</summary>
    [Positive]
    public double? CriticLearningRate { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Window is not null && (Filter is not null || Scheduler is not null))
        {
            yield return $"window and {(Filter is null ? "scheduler" : "filter")} don't go together: rows in flight come and go one by one, and are no batch to choose from";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services)
    {
        var sequences = (long)PromptsPerStep * Sampler.Create(services).GroupSize;
        return new Cost
        {
            Steps = Steps,
            // A critic network of its own goes forward and backward beside the policy.
            TrainedSequences = sequences * EpochsPerBatch * (Critic == CriticKind.Network ? 2 : 1),
            SampledSequences = sequences,
            FrozenCopies = TokenReward.Create(services).NeedsReference ? 1 : 0,
        };
    }
}

/// <summary>Samples completions, scores them, and learns with advantages from a learned value function.</summary>
/// <remarks>
/// A chain over the whole batch: sampler, rewards, token rewards, advantages, filter, then minibatches of rows. What the sampling policy
/// recorded (log-probabilities, values) stays fixed over the passes; on the first update the ratio is exactly 1.
/// Further outputs [N,T] of the advantage part go to the objective where it reads inputs of these names.
/// </remarks>
[Loop(Loop.ActorCritic)]
[Default("sampler", "kv-cache")]
[Default("sampler.group_size", 1)]
[Default("token_reward", "kl-penalty")]
[Default("advantage", "gae")]
public sealed class ActorCritic(ActorCriticOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string Id, ActorCriticObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, part.Create(stage.Services)))];
        string[] further = [.. terms.SelectMany(term => term.Objective.FurtherInputs).Distinct()];
        var tokenReward = options.TokenReward.Create(stage.Services);
        var advantage = options.Advantage.Create(stage.Services);
        var controller = options.KlController?.Create(stage.Services);
        var filter = options.Filter is { } named ? new FilteredRows(named, stage, options.Objective.Id, further) : null;
        using var source = new RolloutSource(options, stage, withinGroups: false);
        var inFlight = RowsInFlight.Of(options, stage, source, further);
        var scorer = new SequenceScorer(policy, source.Temperature, options.SharedPrefix);
        SequenceScorer? reference = null;
        if (controller is not null && !tokenReward.NeedsReference)
        {
            throw new PlumblineException($"kl_controller '{options.KlController!.Id}' has nothing to steer: token_reward '{options.TokenReward.Id}' has a coefficient of 0 and reads no reference, so the divergence stays 0. Give it a coefficient above 0, or take kl_controller out");
        }

        if (tokenReward.NeedsReference)
        {
            reference = new SequenceScorer(ReferencePolicy.Freeze(stage), source.Temperature, options.SharedPrefix);
        }

        using var critic = new Critic(options.Critic, policy, options.SharedPrefix);
        using var learner = new Learner(stage, options, terms.Select(term => (term.Id, (IObjective)term.Objective)), policy, policy.Network.parameters(), ("critic_grad_norm", critic.Parameters, options.CriticLearningRate));
        var klCoef = tokenReward.KlCoef;
        var decodeSteps = 0L;
        StepLoop.Run(stage, options, Step, cancel);
        source.Watch.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var rollouts = inFlight?.Next(step, metrics, cancel) ?? source.Next(step, metrics, cancel);
            metrics["decode_steps"] = decodeSteps += rollouts.DecodeSteps;
            var batch = Prepare(step, rollouts, metrics);
            var learning = filter is null ? [.. Enumerable.Range(0, rollouts.Rollouts.Count)] : filter.Choose(step, batch, metrics);
            var updates = 0;
            for (var epoch = 0; epoch < options.EpochsPerBatch; epoch++)
            {
                var order = stage.Draws.Key("minibatches").Key(step).Key(epoch).Permutation(learning.Length);
                foreach (var rows in OnlineGroups.Split(order, options.Minibatches))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    Update(step, [.. rows.Select(place => learning[place])], rollouts, batch, onPolicy: updates++ == 0, metrics);
                }
            }

            if (controller is not null)
            {
                var measured = controller.Measures is not { } metric ? (double?)null : metrics.TryGetValue(metric, out var value) ? value
                    : throw new PlumblineException($"kl_controller '{options.KlController!.Id}' follows the metric '{metric}', and the steps of this stage have none of that name; mean_kl is the divergence");
                klCoef = controller.Next(new ControlState(klCoef, step + 1, options.Steps, measured, rollouts.Rollouts.Count));
            }

            return new(metrics, rollouts.Tokens * options.EpochsPerBatch);
        }

        // What the sampling policy and the old critic say of the batch: constants of the updates.
        Batch Prepare(int step, RolloutBatch rollouts, Dictionary<string, double> metrics)
        {
            using var still = no_grad();
            stage.Recorder.InHand(Kinds.TokenReward + " " + options.TokenReward.Id, "shaping");
            var values = critic.Values(rollouts.Sequences);
            var (device, dtype) = (values.device, values.dtype);
            var old = rollouts.SamplerLogps(device, dtype);
            var mask = rollouts.Mask(device, dtype);

            var shaped = tokenReward.Compute(new Batch()
                .With("rewards", rollouts.Rewards(device, dtype) is { } rewards && rewards.dim() == 2 ? rewards.sum(1) : rollouts.Rewards(device, dtype))
                .With("old_logps", old)
                .With("reference_logps", reference?.Score(rollouts.Sequences).Logps ?? old)
                .With("mask", mask)
                // A row in flight may yet end.
                .With("has_eos", rollouts.Truncated(device).logical_not())
                .With("kl_coef", klCoef));
            metrics["mean_kl"] = shaped.Tensor("mean_kl").ToDouble();
            metrics["kl_coef"] = klCoef;
            stage.Recorder.InHand(Kinds.Advantage + " " + options.Advantage.Id, "advantages");
            var windowStart = rollouts.WindowStarts(device);
            var totals = tensor(rollouts.Totals.ToArray(), device: device).to_type(dtype);
            var estimated = advantage.Compute(Learner.AddDraws(
                new Batch()
                .With("token_rewards", shaped.Tensor("token_rewards")).With("values", values).With("mask", mask)
                .With("rewards", totals).With("group_ids", rollouts.GroupIds(device))
                .With("finished", rollouts.Finished(device)).With("window_start", windowStart).With("step", step).With("total_steps", options.Steps),
                advantage.Draws, stage, step, totals));
            var returns = estimated.Tensor("returns");
            metrics["value_mean"] = ((values * mask).sum() / mask.sum()).ToDouble();
            metrics["return_mean"] = ((returns * mask).sum() / mask.sum()).ToDouble();
            var whole = new Batch().With("old_logps", old).With("old_values", values).With("rewards", totals).With("group_ids", rollouts.GroupIds(device))
                .With("fresh", mask * Masked.Indicator(arange(mask.shape[1], device: device).unsqueeze(0).ge(windowStart.unsqueeze(1)), mask));
            foreach (var (name, value) in estimated.Where(output => output.Key is "advantages" or "returns" || further.Contains(output.Key)))
            {
                whole.With(name, value);
            }

            if (inFlight is not null)
            {
                RowsInFlight.RequireMask(whole, options.Advantage.Id);
            }
            metrics.Add(estimated.Where(output => !whole.Has(output.Key)));
            return whole;
        }

        void Update(int step, int[] rows, RolloutBatch rollouts, Batch whole, bool onPolicy, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            PromptedSequence[] sequences = [.. rows.Select(row => rollouts.Sequences[row])];
            var scored = critic.Score(scorer, sequences, learner.Needs);
            var width = scored.Logps.shape[1];
            var index = tensor(rows.Select(row => (long)row).ToArray(), device: scored.Logps.device);
            Tensor Rows(string name)
            {
                var chosen = whole[name].index_select(0, index);
                return chosen.dim() == 2 ? chosen.narrow(1, 0, width) : chosen;
            }

            var (recorded, fresh) = (Rows("old_logps"), Rows("fresh"));
            if (onPolicy)
            {
                metrics["sampler_gap"] = SamplerTripwire.Check(recorded, scored.Logps, fresh, policy.Network.parameters().First().dtype);
            }

            var batch = new ActorCriticBatch
            {
                ["logps"] = scored.Logps,
                ["old_logps"] = onPolicy ? where(fresh.gt(0), scored.Logps.detach(), recorded) : recorded,
                ["values"] = scored.Values!,
                ["old_values"] = Rows("old_values"),
                ["advantages"] = Rows("advantages"),
                ["returns"] = Rows("returns"),
                ["mask"] = scored.Mask,
            };
            batch.With("entropies", scored.Entropies);
            foreach (var name in further.Where(whole.Has))
            {
                batch.With(name, Rows(name));
            }

            learner.Update(batch, step, metrics, rows.Length);
        }
    }
}
