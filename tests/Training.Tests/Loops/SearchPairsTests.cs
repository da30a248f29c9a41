using Plumbline.Training;
using Plumbline.Training.Search;

namespace Plumbline.Tests;

public sealed class SearchPairsTests
{
    [Fact]
    public void The_policy_learns_to_take_the_steps_that_searches_end_right_with()
    {
        var recorder = Run(options => options with { Steps = 25, Search = Mcts(new MctsOptions { Iterations = 1, RootFactor = 1, Depth = 3 }) });
        Assert.True(Mean(recorder, 20, 25) > Mean(recorder, 0, 5) + 0.2, $"{Mean(recorder, 0, 5)} to {Mean(recorder, 20, 25)}");

        static double Mean(MemoryRecorder recorder, int from, int to) => recorder.Metrics.Skip(from).Take(to - from).Average(metrics => metrics["right"]);
    }

    [Fact]
    public void Against_the_start_the_first_margin_is_zero_and_what_was_recorded_is_what_is_scored()
    {
        var metrics = Run(options => options with { Steps = 1, Filter = false }).Metrics[0];
        Assert.Equal(0, metrics["margin"], 5);
        Assert.InRange(metrics["sampler_gap"], 0, 1e-4);
        Assert.True(metrics["pairs"] > 0);
        Assert.True(metrics["model_calls"] >= metrics["nodes"] - 1);
    }

    [Fact]
    public void Where_no_search_ends_right_nothing_is_learnt_and_it_is_said()
    {
        var recorder = Run(options => options with { Steps = 3, RightAt = 2 });
        Assert.All(recorder.Metrics, metrics => Assert.Equal(0, metrics["pairs"]));
        Assert.Equal("no-pairs", Assert.Single(recorder.Diagnoses).Name);
        Assert.True(Run(options => options with { Steps = 1, RightAt = 2, Filter = false }).Metrics[0]["pairs"] > 0);
    }

    [Fact]
    public void Searches_by_the_start_policy_do_not_see_what_was_learnt()
    {
        var tasks = Run(options => options with { Steps = 6, TasksPerStep = 8, RefreshEvery = 0 }).Metrics;
        var still = Run(options => options with { Steps = 6, TasksPerStep = 8, RefreshEvery = 0, LearningRate = 1e-9 }).Metrics;
        Assert.Equal(still.Select(metrics => metrics["right"]), tasks.Select(metrics => metrics["right"]));
        var fresh = Run(options => options with { Steps = 6, TasksPerStep = 8 }).Metrics;
        Assert.NotEqual(still.Select(metrics => metrics["nodes"]), fresh.Select(metrics => metrics["nodes"]));
        var old = Run(options => options with { Steps = 6, TasksPerStep = 8, RefreshEvery = 3 }).Metrics;
        Assert.Equal(still.Take(3).Select(metrics => metrics["nodes"]), old.Take(3).Select(metrics => metrics["nodes"]));
        Assert.NotEqual(still.Skip(3).Select(metrics => metrics["nodes"]), old.Skip(3).Select(metrics => metrics["nodes"]));
    }

    [Fact]
    public void An_objective_that_reads_numbers_no_pair_brings_is_refused()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => New(tiny, options => options with { Objective = Part<PairObjective>.Of("weighted", new Weighted()) }).Run(CancellationToken.None));
        Assert.Contains("'weight'", error.Message, StringComparison.Ordinal);
    }

    internal static SearchPairs New(Tiny tiny, Func<SearchPairsOptions, SearchPairsOptions>? change = null)
    {
        var services = new Tiny.NoServices();
        var options = new SearchPairsOptions
        {
            Objective = Preference.Part(reference: true),
            Data = Tiny.Words(),
            Search = Mcts(new MctsOptions { Iterations = 4, Actions = 3, Depth = 3 }),
            Space = Part<ISearchSpaces>.Of("text-steps", new TextSteps(new TextStepsOptions { StepEnd = null, StepTokens = 1, MaxNewTokens = 3, Reward = Scoring.Part("a", rollout => rollout.Completion.Length == 3 && rollout.Completion[^1] == 0 ? 1 : 0) }, services)),
            Pairs = Part<ITreePairs>.Of("best-worst", new BestWorst()),
            Steps = 4,
            TasksPerStep = 4,
            LearningRate = 0.02,
        };
        return new SearchPairs(change?.Invoke(options) ?? options, tiny.Stage);
    }

    private static Part<ISearch> Mcts(MctsOptions options) => Part<ISearch>.Of("mcts", new Mcts(options, new Tiny.NoServices()));

    private static MemoryRecorder Run(Func<SearchPairsOptions, SearchPairsOptions> change)
    {
        using var tiny = new Tiny();
        New(tiny, change).Run(CancellationToken.None);
        return tiny.Recorder;
    }

    /// <summary>The child with the highest q against the one with the lowest.</summary>
    private sealed class BestWorst : ITreePairs
    {
        public IReadOnlyList<TreePair> Pairs(SearchResult result) => [.. result.Paths[0].Where(node => result.Tree[node].Children.Count > 1).Select(node =>
            new TreePair(node, result.Tree.Children(node).MaxBy(child => child.Q)!.Index, result.Tree.Children(node).MinBy(child => child.Q)!.Index))];
    }

    private sealed class Weighted : PairObjective
    {
        public override IReadOnlyList<Column> Columns => [new Column("weight")];

        public override Loss Compute(PairBatch batch) => throw new NotSupportedException();
    }
}
