using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Plays episodes of a decision problem side by side, estimates advantages with learned values, and improves policy and critics by several updates.</summary>
/// <remarks>
/// The batch is that of actor-critic methods: a row is an episode, a step of it stands for a token. What the acting policy said (log-probabilities,
/// distributions, values) stays fixed over the updates; on the first the ratio is exactly 1. A second critic, of the states after the decisions and before
/// chance, is kept where the objective, a term or the advantage part reads post_values.
/// </remarks>
[Loop(Loop.Environment)]
[Default("advantage", "gae")]
public sealed class EnvironmentLoop(EnvironmentOptions options, StageContext stage) : ILoop
{
    private const Needs Offered = Needs.Entropies | Needs.Reference;

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Run.Models.Get<IDecisionModel>("policy");
        var environment = options.Environment.Create(stage.Services);
        Experience.RequireFit(policy, environment, options.Environment.Id);
        (string Id, ActorCriticObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, part.Create(stage.Services)))];
        var advantage = options.Advantage.Create(stage.Services);
        string[] further = [.. terms.SelectMany(term => term.Objective.FurtherInputs).Distinct()];
        var filter = options.Filter is { } named ? new FilteredRows(named, stage, options.Objective.Id, further) : null;
        var post = further.Concat(advantage.FurtherInputs).Contains("post_values");
        using var critic = NewCritic("critic");
        using var postCritic = post ? NewCritic("post-critic") : null;
        var apart = options.CriticEpochs > 0;
        using var learner = apart ? NewLearner() : postCritic is null ? NewLearner(("critic_grad_norm", critic.Parameters, options.CriticLearningRate))
            : NewLearner(("critic_grad_norm", critic.Parameters, options.CriticLearningRate), ("post_critic_grad_norm", postCritic.Parameters, options.CriticLearningRate));
        using var fit = apart ? new CriticFit(critic, "returns", options) : null;
        using var postFit = apart && postCritic is not null ? new CriticFit(postCritic, "post_returns", options) : null;
        var needs = Offer(terms, learner.Needs);
        var reference = needs.HasFlag(Needs.Reference) ? ReferencePolicy.Freeze<IDecisionModel>(stage) : null;
        var watch = new DecisionWatch(stage.Recorder);
        StepLoop.Run(stage, options, Step, cancel);
        watch.End();

        ValueNetwork NewCritic(string role) =>
            new(environment.ObservationSize, options.CriticHidden, options.CriticActivation, stage.Draws.Key(role), policy.Network.parameters().First());

        Learner NewLearner(params ReadOnlySpan<(string, IEnumerable<TorchSharp.Modules.Parameter>, double?)> critics) =>
            new(stage, options, terms.Select(term => (term.Id, (IObjective)term.Objective)), null, policy.Network.parameters(), critics);

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            stage.Recorder.InHand(Kinds.Environment + " " + options.Environment.Id, "playing");
            policy.Network.eval();
            var played = Experience.Play(environment, policy, options.Episodes, stage.Draws.Key("play").Key(step), mode: false, post, cancel);
            policy.Network.train();
            watch.See(played);
            var (whole, acted) = Prepare(step, played, metrics);
            int[] learning = filter?.Choose(step, whole, metrics) ?? [.. Enumerable.Range(0, options.Episodes)];
            for (var epoch = 0; epoch < options.EpochsPerBatch; epoch++)
            {
                var order = options.Minibatches == 1 ? [.. Enumerable.Range(0, learning.Length)] : stage.Draws.Key("minibatches").Key(step).Key(epoch).Permutation(learning.Length);
                foreach (var rows in OnlineGroups.Split(order, options.Minibatches))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    Update(step, [.. rows.Select(place => learning[place])], whole, acted, metrics);
                }
            }

            stage.Recorder.InHand("critic", "training");
            fit?.Fit(step, whole, whole["observations"], stage.Draws.Key("critic").Key(step), "critic", metrics);
            postFit?.Fit(step, whole, whole["post_observations"], stage.Draws.Key("post-critic").Key(step), "post_critic", metrics);
            watch.See("critic_grad_norm", metrics);
            watch.See("post_critic_grad_norm", metrics);
            return new(metrics, (long)whole["mask"].sum().ToDouble() * options.EpochsPerBatch);
        }

        // What the acting policy and the old critics say of the batch: constants of the updates.
        (Batch Whole, IActionDistribution Acted) Prepare(int step, Experience played, Dictionary<string, double> metrics)
        {
            using var still = no_grad();
            var mask = played.Mask;
            var acted = policy.Act(played.Observations.flatten(0, 1));
            var components = Steps(acted.Logps(played.Actions.flatten(0, 1)), mask) * mask.unsqueeze(2);
            metrics["sampler_gap"] = SamplerTripwire.Check(played.Logps, components.sum(2), mask, mask.dtype);
            var whole = new Batch()
                .With("observations", played.Observations).With("actions", played.Actions).With("mask", mask)
                .With("old_logps", components.sum(2)).With("old_component_logps", components)
                .With("old_values", critic.Values(played.Observations) * mask)
                .With("post_observations", played.PostObservations)
                .With("rewards", played.Rewards.sum(1)).With("group_ids", zeros(mask.shape[0], ScalarType.Int64, mask.device));
            if (postCritic is not null)
            {
                whole.With("old_post_values", postCritic.Values(played.PostObservations!) * mask);
            }

            if (reference is not null)
            {
                whole.With("reference_logps", Steps(reference.Act(played.Observations.flatten(0, 1)).Logps(played.Actions.flatten(0, 1)), mask).sum(2) * mask);
            }

            Tell(played, Steps(acted.Entropies, mask).sum(2), metrics);
            stage.Recorder.InHand(Kinds.Advantage + " " + options.Advantage.Id, "advantages");
            var estimated = advantage.Compute(Learner.AddDraws(
                new Batch()
                .With("token_rewards", played.Rewards).With("values", whole["old_values"]).With("mask", mask)
                .With("rewards", whole["rewards"]).With("group_ids", whole["group_ids"])
                .With("finished", ones(mask.shape[0], ScalarType.Bool, mask.device)).With("window_start", whole["group_ids"])
                .With("last_values", options.Bootstrap ? critic.Values(played.Last) * played.Cut : zeros_like(played.Cut))
                .With("post_values", whole.Find("old_post_values")).With("deterministic_rewards", played.CertainRewards)
                .With("step", step).With("total_steps", options.Steps),
                advantage.Draws, stage, step, whole["rewards"]));
            foreach (var (name, value) in estimated.Where(output => output.Key is "advantages" or "returns" or "post_returns" || further.Contains(output.Key)))
            {
                whole.With(name, value);
            }

            if (postCritic is not null && !estimated.Has("post_returns"))
            {
                // After the decision its known part is no longer to come.
                whole.With("post_returns", whole["returns"] - played.CertainRewards!);
            }

            metrics["value_mean"] = Masked.Mean(whole["old_values"], mask).ToDouble();
            metrics["explained_variance"] = Explained(whole["old_values"], whole["returns"], mask);
            metrics.Add(estimated.Where(output => !whole.Has(output.Key)));
            return (whole, acted);
        }

        void Update(int step, int[] rows, Batch whole, IActionDistribution acted, Dictionary<string, double> metrics)
        {
            using var scope = NewDisposeScope();
            var all = rows.Length == options.Episodes && rows.Select((row, place) => row == place).All(same => same);
            var (episodes, steps) = (rows.Length, whole["mask"].shape[1]);
            var index = tensor(rows.Select(row => (long)row).ToArray(), device: whole["mask"].device);
            Tensor Rows(string name) => all ? whole[name] : whole[name].index_select(0, index);

            var (mask, observations) = (Rows("mask"), Rows("observations"));
            var distribution = policy.Act(observations.flatten(0, 1));
            var components = Steps(distribution.Logps(Rows("actions").flatten(0, 1)), mask) * mask.unsqueeze(2);
            var batch = new ActorCriticBatch
            {
                ["logps"] = components.sum(2),
                ["old_logps"] = Rows("old_logps"),
                ["values"] = apart ? Rows("old_values") : critic.Values(observations) * mask,
                ["old_values"] = Rows("old_values"),
                ["advantages"] = Rows("advantages"),
                ["returns"] = Rows("returns"),
                ["mask"] = mask,
            };
            if (needs.HasFlag(Needs.Entropies))
            {
                var entropies = Steps(distribution.Entropies, mask) * mask.unsqueeze(2);
                batch.With("entropies", entropies.sum(2));
                Further("component_entropies", () => entropies);
            }

            if (reference is not null)
            {
                batch.With("reference_logps", Rows("reference_logps"));
            }

            Further("component_logps", () => components);
            Further("old_component_logps", () => Rows("old_component_logps"));
            Further("kl", () => distribution.Kl(all ? acted : acted.Rows(((index.unsqueeze(1) * steps) + arange(steps, device: index.device)).flatten())) is { } kl ? kl.reshape(episodes, steps) * mask : null);
            Further("post_values", () => apart ? Rows("old_post_values") : postCritic!.Values(Rows("post_observations")) * mask);
            foreach (var name in further.Where(name => !batch.Has(name) && whole.Has(name)))
            {
                batch.With(name, Rows(name));
            }

            learner.Update(batch, step, metrics, rows.Length);
            if (!apart && learner.Updates == 1)
            {
                DecisionWatch.RequireTrained(critic, "states", options.Objective.Id);
                if (postCritic is not null)
                {
                    DecisionWatch.RequireTrained(postCritic, "states after decisions", options.Objective.Id);
                }
            }

            void Further(string name, Func<Tensor?> value)
            {
                if (further.Contains(name))
                {
                    batch.With(name, value());
                }
            }
        }
    }

    /// <summary>[N·T,C] a component a column, to [N,T,C].</summary>
    private static Tensor Steps(Tensor flat, Tensor mask) => flat.reshape(mask.shape[0], mask.shape[1], -1);

    private static Needs Offer((string Id, ActorCriticObjective Objective)[] terms, Needs needs)
    {
        if ((needs & ~Offered) is var missing and not Needs.None)
        {
            var term = terms.First(term => (term.Objective.Needs & ~Offered) != 0);
            throw new PlumblineException($"objective '{term.Id}' needs {missing} of a language model, and a decision problem has none; it can't be used in the loop {Loop.Environment}");
        }

        return needs;
    }

    private static void Tell(Experience played, Tensor entropies, Dictionary<string, double> metrics)
    {
        var (returns, lengths) = (played.Rewards.sum(1), played.Mask.sum(1));
        metrics["episode_return"] = returns.mean().ToDouble();
        metrics["episode_return_std"] = ((returns - returns.mean()).square().mean()).sqrt().ToDouble();
        metrics["episode_length"] = lengths.mean().ToDouble();
        metrics["policy_entropy"] = Masked.Mean(entropies, played.Mask).ToDouble();
    }

    /// <summary>1 - Var(R - v)/Var(R): 1 where the critic knew the returns, 0 where it knew their mean alone; 0 where they are all equal.</summary>
    private static double Explained(Tensor values, Tensor returns, Tensor mask)
    {
        var (spread, left) = (Variance(returns), Variance(returns - values));
        return spread == 0 ? 0 : 1 - (left / spread);

        double Variance(Tensor of) => Masked.Mean((of - Masked.Mean(of, mask)).square(), mask).ToDouble();
    }
}
