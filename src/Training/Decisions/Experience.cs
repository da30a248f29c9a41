using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Episodes as they were played, a row each; padded after an episode's end.</summary>
internal sealed record Experience
{
    /// <summary>[N,T,D] what was seen before each action.</summary>
    public required Tensor Observations { get; init; }

    /// <summary>[N,T,M] what was done.</summary>
    public required Tensor Actions { get; init; }

    /// <summary>[N,T] the log-probability of each action as it was drawn.</summary>
    public required Tensor Logps { get; init; }

    /// <summary>[N,T]; 0 where masked.</summary>
    public required Tensor Rewards { get; init; }

    /// <summary>[N,T] 1 at the episode's steps, else 0.</summary>
    public required Tensor Mask { get; init; }

    /// <summary>[N,D] what was seen last.</summary>
    public required Tensor Last { get; init; }

    /// <summary>[N] 1 where the horizon cut the episode short, 0 where it came to its end.</summary>
    public required Tensor Cut { get; init; }

    /// <summary>[N,T,D] what each action led to before chance had its turn; null where it was not asked for.</summary>
    public Tensor? PostObservations { get; init; }

    /// <summary>[N,T] the part of each reward that was known then; 0 where masked.</summary>
    public Tensor? CertainRewards { get; init; }

    /// <summary>Plays episodes to their end, all side by side, without gradient.</summary>
    /// <param name="environment">The problem.</param>
    /// <param name="policy">Acts.</param>
    /// <param name="episodes">How many.</param>
    /// <param name="draws">Source of chance, of the problem and of the policy.</param>
    /// <param name="mode">The policy's most probable actions; else they are drawn.</param>
    /// <param name="post">Whether states after the decisions are asked for.</param>
    /// <param name="cancel">Ends the play.</param>
    /// <exception cref="PlumblineException">The environment's steps have no known part, and it is asked for; or it plays past its horizon.</exception>
    internal static Experience Play(IVectorEnvironment environment, IDecisionModel policy, int episodes, Draws draws, bool mode, bool post, CancellationToken cancel)
    {
        using var still = no_grad();
        var like = policy.Network.parameters().First();
        var played = environment.Reset(episodes, draws.Key("environment"));
        var decided = post ? played as IPostDecisionEpisodes
            ?? throw new PlumblineException($"{environment.GetType().Name} tells no state after a decision and before chance, and a method here learns from it (post_values); take an environment that does, or another method") : null;
        var alive = ones(episodes, ScalarType.Bool, like.device);
        var (seen, done, logps, rewards, mask, after, certain) = (Empty(), Empty(), Empty(), Empty(), Empty(), Empty(), Empty());
        var cut = zeros_like(alive);
        for (var t = 0; alive.any().ToBoolean(); t++)
        {
            cancel.ThrowIfCancellationRequested();
            if (t == environment.Horizon)
            {
                throw new PlumblineException($"{environment.GetType().Name} goes on after its horizon of {environment.Horizon} steps; Terminated or Truncated must end every episode by then");
            }

            var (observations, on) = (Numbers(played.Observations), Numbers(alive));
            var distribution = policy.Act(observations);
            var actions = mode ? distribution.Mode : distribution.Sample(draws.Key("actions").Key(t));
            if (decided?.PostDecision(actions) is { } decision)
            {
                after.Add(Numbers(decision.Observations));
                certain.Add(Numbers(decision.Rewards) * on);
            }

            var outcome = played.Step(actions);
            seen.Add(observations);
            done.Add(actions);
            logps.Add(distribution.Logps(actions).sum(1));
            rewards.Add(Numbers(outcome.Rewards) * on);
            mask.Add(on);
            var (ended, reached) = (outcome.Terminated.to(like.device), outcome.Truncated.to(like.device));
            cut = cut.logical_or(alive.logical_and(reached).logical_and(ended.logical_not()));
            alive = alive.logical_and(ended.logical_or(reached).logical_not());
        }

        return new Experience
        {
            Observations = stack(seen, 1),
            Actions = stack(done, 1),
            Logps = stack(logps, 1),
            Rewards = stack(rewards, 1),
            Mask = stack(mask, 1),
            Last = Numbers(played.Observations),
            Cut = Numbers(cut),
            PostObservations = post ? stack(after, 1) : null,
            CertainRewards = post ? stack(certain, 1) : null,
        };

        static List<Tensor> Empty() => [];

        Tensor Numbers(Tensor values) => values.to(like.device).to_type(like.dtype);
    }

    /// <summary>Refuses a policy that was built for another problem.</summary>
    /// <exception cref="PlumblineException">Observations or actions differ.</exception>
    internal static void RequireFit(IDecisionModel policy, IVectorEnvironment environment, string environmentId)
    {
        if (policy.ObservationSize != environment.ObservationSize || !policy.Actions.Equals(environment.Actions))
        {
            throw new PlumblineException(
                $"the policy takes {policy.ObservationSize} numbers and gives {policy.Actions}, and environment '{environmentId}' shows {environment.ObservationSize} numbers and takes {environment.Actions}; build the model for the same environment");
        }
    }
}
