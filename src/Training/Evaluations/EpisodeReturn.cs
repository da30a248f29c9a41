using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of <c>episode-return</c>.</summary>
public sealed record EpisodeReturnOptions
{
    /// <summary>The name of the result; null: <c>episode_return</c>.</summary>
    public string? Name { get; init; }

    /// <summary>The decision problem.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>Episodes that are played.</summary>
    [Positive]
    public int Episodes { get; init; } = 64;

    /// <summary>Take the most probable action; false: draw one.</summary>
    public bool Greedy { get; init; } = true;
}

/// <summary>The mean sum of the rewards of an episode of a decision problem; the same episodes at every measurement.</summary>
[Evaluation("episode-return")]
public sealed class EpisodeReturn(EpisodeReturnOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        var (policy, environment) = (stage.Run.Models.Get<IDecisionModel>("policy"), options.Environment.Create(stage.Services));
        Experience.RequireFit(policy, environment, options.Environment.Id);
        var played = Experience.Play(environment, policy, options.Episodes, stage.Run.Draws.Key("evaluation"), options.Greedy, post: false, cancel);
        return new Dictionary<string, double> { [options.Name ?? "episode_return"] = played.Rewards.sum(1).mean().ToDouble() };
    }
}
