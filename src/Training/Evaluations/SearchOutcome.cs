using Plumbline.Training.Search;

namespace Plumbline.Training;

/// <summary>Options of <c>search-outcome</c>.</summary>
public sealed record SearchOutcomeOptions : EvaluationOptions
{
    /// <summary>How a path is looked for.</summary>
    public required Part<ISearch> Search { get; init; }

    /// <summary>What is searched.</summary>
    public required Part<ISearchSpaces> Space { get; init; }

    /// <summary>The reward from which on a finished path is right.</summary>
    public double RightAt { get; init; } = 1;
}

/// <summary>What the paths that a search by the policy ends with earn, how many are right, and what it costs: model calls and environment steps a task.</summary>
/// <remarks>With <c>best-of-n</c> of one path it measures the policy alone.</remarks>
[Evaluation("search-outcome")]
[Default("space", "text-steps")]
public sealed class SearchOutcome(SearchOutcomeOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        var (search, spaces) = (options.Search.Create(stage.Services), options.Space.Create(stage.Services));
        var policy = stage.Run.Models.Get<IModel>("policy");
        var draws = stage.Run.Draws.Key("evaluation").Key(options.Name ?? options.Search.Id);
        var results = new List<SearchResult>();
        var training = policy.Network.training;
        policy.Network.eval();
        try
        {
            foreach (var rows in options.Examples(stage).Chunk(options.BatchSize))
            {
                using var space = spaces.Open(policy);
                results.AddRange(search.Search(space, space.Roots([.. rows.Select(row => new SearchTask(row, null, draws.Key(row.Index)))]), cancel));
            }
        }
        finally
        {
            policy.Network.train(training);
        }

        var name = options.Name ?? options.Search.Id;
        return new Dictionary<string, double>
        {
            [name] = results.Average(result => result.Best.Reward ?? 0),
            [name + "_right"] = results.Average(result => result.Best is { Terminal: true, Reward: { } reward } && reward >= options.RightAt ? 1.0 : 0),
            [name + "_model_calls"] = results.Average(result => (double)result.ModelCalls),
            [name + "_environment_steps"] = results.Average(result => (double)result.EnvironmentSteps),
        };
    }
}
