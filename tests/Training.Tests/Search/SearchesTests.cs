using Plumbline.Training.Search;

namespace Plumbline.Tests.Search;

public sealed class SearchesTests
{
    private static readonly Tiny.NoServices Services = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_beam_as_wide_as_all_texts_finds_the_likeliest(bool ends)
    {
        using var model = new Chain(4, seed: 11, ends);
        var best = model.Texts(4).MaxBy(text => model.Logp(2, text))!;
        var result = Search(model, new Beam(new BeamOptions { Beams = 256, Depth = 4 }, Services), 2)[0];
        Assert.Equal(best, Tokens(result));
        Assert.Equal(model.Logp(2, best), result.Tree[result.Paths[0][^1]].Value, 5);
        Assert.Equal(model.Texts(4).Count(), result.Paths.Count);
    }

    [Fact]
    public void A_beam_of_one_is_greedy()
    {
        using var model = new Chain(5, seed: 4, ends: false);
        var greedy = new List<int> { 1 };
        while (greedy.Count < 7)
        {
            greedy.Add(Array.IndexOf(model.Rows[greedy[^1]], model.Rows[greedy[^1]].Max()));
        }

        Assert.Equal(greedy.Skip(1), Tokens(Search(model, new Beam(new BeamOptions { Beams = 1, Depth = 6 }, Services), 1)[0]));
        Assert.Equal(greedy.Skip(1), Tokens(Search(model, new GreedySteps(), 1)[0]));
    }

    [Fact]
    public void A_finished_beam_competes_by_its_score_or_leaves_as_an_answer()
    {
        using var model = new Chain(4, seed: 8, ends: true);
        foreach (var start in new[] { 0, 1, 2 })
        {
            var (competing, aside) = (
                Search(model, new Beam(new BeamOptions { Beams = 3, Depth = 5 }, Services), start)[0],
                Search(model, new Beam(new BeamOptions { Beams = 3, Depth = 5, Finished = FinishedPaths.SetAside }, Services), start)[0]);
            Assert.Equal(3, competing.Paths.Count);
            Assert.True(aside.Paths.Count >= 3);
            // What was set aside is never lost, and makes room: the best of it is no worse.
            Assert.True(Score(aside) >= Score(competing) - 1e-6);
        }

        static double Score(SearchResult result) => result.Tree[result.Paths[0][^1]].Value;
    }

    [Fact]
    public void Length_power_prefers_longer_texts_at_the_end()
    {
        using var model = new Chain(4, seed: 8, ends: true);
        var result = Search(model, new Beam(new BeamOptions { Beams = 200, Depth = 4, LengthPower = 1 }, Services), 0)[0];
        var best = model.Texts(4).MaxBy(text => model.Logp(0, text) / text.Length)!;
        Assert.Equal(best, Tokens(result));
    }

    [Fact]
    public void A_beam_follows_any_scorer()
    {
        using var model = new Chain(4, seed: 8, ends: false);
        var scorer = new BeamOptions { Beams = 2, Candidates = 4, Depth = 3, Scorer = Part<IStateValue>.Of("twos", new CountOf("2")) };
        Assert.Equal([2, 2, 2], Tokens(Search(model, new Beam(scorer, Services), 0)[0]));
    }

    [Fact]
    public void Tasks_searched_together_are_found_as_if_alone()
    {
        using var model = new Chain(4, seed: 8, ends: true);
        ISearch[] searches =
        [
            new Beam(new BeamOptions { Beams = 3, Depth = 4 }, Services), new BestOf(new BestOfOptions { Paths = 3, Depth = 5 }, Services), new DepthFirst(new DepthFirstOptions { Depth = 4, Budget = 12 }),
            new Mcts(new MctsOptions { Iterations = 3, Depth = 4 }, Services),
        ];
        foreach (var search in searches)
        {
            var together = Search(model, search, 0, 1, 2);
            for (var start = 0; start < 3; start++)
            {
                var alone = Search(model, search, start)[0];
                Assert.Equal(alone.Tree.ToJson().ToJsonString(), together[start].Tree.ToJson().ToJsonString());
                Assert.Equal(alone.Paths[0], together[start].Paths[0]);
                Assert.Equal(alone.ModelCalls, together[start].ModelCalls);
            }
        }
    }

    [Fact]
    public void The_best_of_n_is_the_one_that_earned_most()
    {
        using var model = new Chain(4, seed: 8, ends: false);
        var result = Search(model, new BestOf(new BestOfOptions { Paths = 30, Depth = 3 }, Services), Chain.Space(options => options with { MaxNewTokens = 3, Reward = Twos }), 0)[0];
        Assert.Equal(result.Tree.Max(node => node.TerminalReward ?? 0), result.Best.Reward);
        Assert.Equal(90, result.ModelCalls);
        var earned = result.Paths.Select(path => result.Tree[path[^1]].TerminalReward!.Value).ToArray();
        Assert.Equal(earned.OrderDescending(), earned);
    }

    [Fact]
    public void Depth_first_goes_back_from_a_wrong_end_and_stops_at_a_right_one()
    {
        using var model = new Chain(3, seed: 8, ends: false);
        var wanted = model.Texts(3).OrderByDescending(text => model.Logp(0, text)).ElementAt(5);
        var space = Chain.Space(options => options with { MaxNewTokens = 3, Reward = Scoring.Part("wanted", rollout => rollout.Completion.SequenceEqual(wanted) ? 1 : 0) });
        var result = Search(model, new DepthFirst(new DepthFirstOptions { Depth = 3, Width = 12, Budget = 2000 }), space, 0)[0];
        Assert.Equal(wanted, Tokens(result));
        Assert.Equal(result.Tree.Count - 1, result.Paths[0][^1]);
        Assert.Contains(result.Tree, node => node.TerminalReward == 0);
        var few = Search(model, new DepthFirst(new DepthFirstOptions { Depth = 3, Width = 6, Budget = 7, RightAt = 2 }), space, 0)[0];
        Assert.Equal(8, few.Tree.Count);
        Assert.Equal(few.Tree.Max(node => node.TerminalReward), few.Best.Reward);
    }

    [Fact]
    public void Tree_search_finds_the_right_path_that_the_policy_alone_hardly_takes()
    {
        using var model = new Chain(4, seed: 8, ends: false);
        var space = Chain.Space(options => options with { MaxNewTokens = 4, Reward = Part<IReward>.Of("last", Scoring.Part("last", rollout => rollout.Completion[^1] == 3 ? 1 : 0).Create(Services)) });
        var options = new MctsOptions { Iterations = 20, Actions = 12, Depth = 4 };
        var found = Search(model, new Mcts(options, Services), space, 0, 1, 2).Count(result => result.Best.Reward == 1);
        Assert.Equal(3, found);
        Assert.True(Search(model, new BestOf(new BestOfOptions { Paths = 20, Depth = 4, Scorer = Part<IStateValue>.Of("path-likelihood", new PathLikelihood()) }, Services), space, 0, 1, 2).SelectMany(result => result.Tree)
            .Where(node => node.State!.Terminal).Average(node => node.TerminalReward!.Value) < 0.5);
    }

    [Fact]
    public void Tree_search_visits_its_start_once_an_iteration_and_once_a_backup()
    {
        using var model = new Chain(4, seed: 8, ends: false);
        var result = Search(model, new Mcts(new MctsOptions { Iterations = 5, RootFactor = 1, Actions = 2, Depth = 1 }, Services), 0)[0];
        // Depth 1: the root is expanded once; each of 5 iterations adds one visit at its beginning and one by its backup.
        Assert.Equal(10, result.Tree[0].Visits);
        Assert.Equal(5, result.Tree.Children(0).Sum(child => child.Visits));
    }

    [Fact]
    public void A_static_value_out_of_range_is_refused_by_name()
    {
        using var model = new Chain(4, seed: 8, ends: false);
        var search = new Mcts(new MctsOptions { Value = Part<IStateValue>.Of("twos", new CountOf("2")) }, Services);
        Assert.Contains("confidences", Assert.Throws<InvalidInputException>(() => Search(model, search, 0, 1, 2)).Message, StringComparison.Ordinal);
    }

    private static Part<IReward> Twos => Scoring.Part("twos", rollout => rollout.Completion.Count(token => token == 2));

    private static IReadOnlyList<SearchResult> Search(Chain model, ISearch search, params int[] starts) => Search(model, search, Chain.Space(), starts);

    private static IReadOnlyList<SearchResult> Search(Chain model, ISearch search, TextSteps spaces, params int[] starts)
    {
        using var space = spaces.Open(model);
        return search.Search(space, space.Roots([.. starts.Select(start => Chain.Task(start))]), TestContext.Current.CancellationToken);
    }

    private static int[] Tokens(SearchResult result) => [.. result.Best.Steps.SelectMany(step => step.Tokens)];

    private sealed class CountOf(string text) : IStateValue
    {
        public double[] Values(IReadOnlyList<SearchState> states, ISearchSpace space) => [.. states.Select(state => (double)state.Steps.Count(step => step.Text == text))];
    }
}
