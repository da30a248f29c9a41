using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>actor-critic</c>.</summary>
public sealed record ActorCriticOptions : RolloutOptions
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

    /// <summary>Where the value function lives.</summary>
    public CriticKind Critic { get; init; } = CriticKind.Head;

    /// <summary>Peak learning rate of the critic's own parameters; null: the policy's.</summary>
    [Positive]
    public double? CriticLearningRate { get; init; }

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
/// A chain over the whole batch: sampler, rewards, token rewards, advantages, then minibatches of rows. What the sampling policy
/// recorded (log-probabilities, values) stays fixed over the passes; on the first update the ratio is exactly 1.
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
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var tokenReward = options.TokenReward.Create(stage.Services);
        var advantage = options.Advantage.Create(stage.Services);
        var controller = options.KlController?.Create(stage.Services);
        using var source = new RolloutSource(options, stage, withinGroups: false);
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
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters(), ("critic_grad_norm", critic.Parameters, options.CriticLearningRate));
        var klCoef = tokenReward.KlCoef;
        StepLoop.Run(stage, options, Step, cancel);
        source.Watch.End();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var rollouts = source.Next(step, metrics, cancel);
            var batch = Prepare(step, rollouts, metrics);
            var updates = 0;
            for (var epoch = 0; epoch < options.EpochsPerBatch; epoch++)
            {
                var order = stage.Draws.Key("minibatches").Key(step).Key(epoch).Permutation(rollouts.Rollouts.Count);
                foreach (var rows in OnlineGroups.Split(order, options.Minibatches))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    Update(step, rows, rollouts, batch, onPolicy: updates++ == 0, metrics);
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
                .With("has_eos", rollouts.Truncated(device).logical_not())
                .With("kl_coef", klCoef));
            metrics["mean_kl"] = shaped.Tensor("mean_kl").ToDouble();
            metrics["kl_coef"] = klCoef;
            stage.Recorder.InHand(Kinds.Advantage + " " + options.Advantage.Id, "advantages");
            var estimated = advantage.Compute(new Batch()
                .With("token_rewards", shaped.Tensor("token_rewards")).With("values", values).With("mask", mask)
                .With("rewards", tensor(rollouts.Totals, device: device).to_type(dtype)).With("group_ids", rollouts.GroupIds(device))
                .With("finished", rollouts.Truncated(device).logical_not()).With("step", step).With("total_steps", options.Steps));
            var returns = estimated.Tensor("returns");
            metrics["value_mean"] = ((values * mask).sum() / mask.sum()).ToDouble();
            metrics["return_mean"] = ((returns * mask).sum() / mask.sum()).ToDouble();
            return new Batch().With("old_logps", old).With("old_values", values)
                .With("advantages", estimated.Tensor("advantages")).With("returns", returns).With("mask", mask);
        }

        void Update(int step, int[] rows, RolloutBatch rollouts, Batch whole, bool onPolicy, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            PromptedSequence[] sequences = [.. rows.Select(row => rollouts.Sequences[row])];
            var scored = critic.Score(scorer, sequences, learner.Needs);
            var width = scored.Logps.shape[1];
            var index = tensor(rows.Select(row => (long)row).ToArray(), device: scored.Logps.device);
            Tensor Rows(string name) => whole[name].index_select(0, index).narrow(1, 0, width);
            var recorded = Rows("old_logps");
            if (onPolicy)
            {
                metrics["sampler_gap"] = SamplerTripwire.Check(recorded, scored.Logps, scored.Mask, policy.Network.parameters().First().dtype);
            }

            var batch = new ActorCriticBatch
            {
                ["logps"] = scored.Logps,
                ["old_logps"] = onPolicy ? scored.Logps.detach() : recorded,
                ["values"] = scored.Values!,
                ["old_values"] = Rows("old_values"),
                ["advantages"] = Rows("advantages"),
                ["returns"] = Rows("returns"),
                ["mask"] = scored.Mask,
            };
            batch.With("entropies", scored.Entropies);
            learner.Update(batch, step, metrics, rows.Length);
        }
    }
}
