using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Search;
using TorchSharp;

namespace Plumbline.Tests.Search;

public sealed class EnvironmentStepsTests
{
    private static readonly Tiny.NoServices Services = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Tree_search_finds_the_room_whether_episodes_can_be_copied_or_must_be_replayed(bool clones)
    {
        using var policy = new Chooser();
        var results = Search(policy, new Mcts(new MctsOptions { Iterations = 12, Actions = 20, Depth = 3 }, Services), Space(new Rooms(clones: clones)), 0, 1, 2, 4);
        Assert.All(results, result => Assert.True(result.Best is { Terminal: true, Reward: 1 }));
        // A replay takes the steps before a branch again.
        Assert.All(results, result => Assert.True(clones ? result.EnvironmentSteps == result.Tree.Count - 1 : result.EnvironmentSteps > result.Tree.Count - 1));
    }

    [Fact]
    public void The_likeliest_actions_come_in_order_and_a_beam_of_one_is_greedy()
    {
        using var policy = new Chooser();
        using (torch.no_grad())
        {
            policy.Network.parameters().First().copy_(torch.randn([64, 4], ScalarType.Float64, generator: new torch.Generator(4)));
        }

        using var space = Space(new Rooms()).Open(policy);
        var expansion = new Expansion(space.Roots([Task(2)])[0], 3, new Draws(1)) { Proposal = Proposal.Likeliest };
        space.Expand([expansion], TestContext.Current.CancellationToken);
        Assert.Equal(3, expansion.Children.Count);
        Assert.Equal(expansion.Children.Select(child => child.Step!.Logps[0]).OrderDescending(), expansion.Children.Select(child => child.Step!.Logps[0]));
        Assert.Equal(1, expansion.Children.Sum(child => Math.Exp(child.Step!.Logps[0])), 5);
        var greedy = Search(policy, new Beam(new BeamOptions { Beams = 1, Depth = 3 }, Services), Space(new Rooms()), 2)[0];
        Assert.Equal(expansion.Children[0].Step!.Text, greedy.Best.Steps[0].Text);
    }

    [Fact]
    public void A_language_models_actions_are_searched_too()
    {
        using var tiny = new Tiny();
        var spaces = new EnvironmentSteps(new EnvironmentStepsOptions { Environment = Rooms.Part, Agent = new() { ActionPrefix = "i", ObservationPrefix = "j" } }, Services);
        var results = Search(tiny.Policy, new Mcts(new MctsOptions { Iterations = 8, Actions = 40, Depth = 3 }, Services), spaces, 0, 1, 2);
        Assert.All(results, result => Assert.Equal(1, result.Best.Reward));
        Assert.All(results, result => Assert.All(result.Best.Steps, step => Assert.Contains(step.Text, new[] { "f", "fg", "h" })));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_agent_learns_from_the_trees_it_searched(bool chooses)
    {
        using var tiny = new Tiny();
        if (chooses)
        {
            tiny.Run.Models.Set("policy", new Chooser());
        }

        var agent = chooses ? new Plumbline.Training.Agents.AgentOptions() : new() { ActionPrefix = "i", ObservationPrefix = "j" };
        var space = Part<ISearchSpaces>.Of("environment-steps", new EnvironmentSteps(new EnvironmentStepsOptions { Environment = Rooms.Part, Agent = agent }, Services));
        var before = Success();
        SearchPairsTests.New(tiny, options => options with
        {
            Data = Part<IData>.Of("seeds", new Seeds(new SeedsOptions { Count = 12 })),
            Space = space,
            Search = Part<ISearch>.Of("mcts", new Mcts(new MctsOptions { Iterations = 8, Actions = 6, Depth = 3 }, Services)),
            Steps = 40,
            TasksPerStep = 12,
            LearningRate = chooses ? 0.1 : 0.005,
        }).Run(CancellationToken.None);
        Assert.InRange(tiny.Recorder.Metrics[0]["sampler_gap"], 0, 1e-4);
        Assert.True(Success() > before + (chooses ? 0.3 : 0.1), $"{before} to {Success()}");

        double Success() => new SearchOutcome(new SearchOutcomeOptions
        {
            Data = Part<IData>.Of("seeds", new Seeds(new SeedsOptions { Count = 60 })),
            Split = Split.Train,
            Space = space,
            Search = Part<ISearch>.Of("best-of-n", new BestOf(new BestOfOptions { Paths = 1, Depth = 3 }, Services)),
        }).Evaluate(tiny.Stage, CancellationToken.None)["best-of-n_right"];
    }

    private static EnvironmentSteps Space(ITextEnvironment environment) => new(new EnvironmentStepsOptions { Environment = Part<ITextEnvironment>.Of("rooms", environment) }, Services);

    private static SearchTask Task(long seed) => new(new Example(seed, new JsonObject { ["seed"] = seed }), null, new Draws(9).Key(seed));

    private static IReadOnlyList<SearchResult> Search(IModel policy, ISearch search, EnvironmentSteps spaces, params long[] seeds)
    {
        using var space = spaces.Open(policy);
        return search.Search(space, space.Roots([.. seeds.Select(Task)]), TestContext.Current.CancellationToken);
    }
}
