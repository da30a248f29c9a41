using Plumbline.Training.Environments;

namespace Plumbline.Tests.Training.Environments;

public sealed class TextEnvironmentTests
{
    public static TheoryData<string> Environments => new(["shop", "house"]);

    [Theory]
    [MemberData(nameof(Environments))]
    public void Two_resets_with_one_seed_are_equal(string name)
    {
        foreach (var seed in Enumerable.Range(0, 30))
        {
            var (first, second) = (Make(name).Reset(seed).Observation, Make(name).Reset(seed).Observation);
            Assert.Equal((first.Text, first.StateKey), (second.Text, second.StateKey));
            Assert.Equal(first.LegalActions, second.LegalActions);
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Stepping_a_copy_leaves_the_original_as_it_was(string name)
    {
        var harness = new EpisodeHarness(Make(name));
        foreach (var seed in Enumerable.Range(0, 20))
        {
            var (episode, draws) = (harness.Reset(seed), new Draws(seed));
            while (!episode.Ended)
            {
                var before = episode.Observation;
                var fork = episode.Fork();
                Assert.Equal(before.StateKey, fork.Observation.StateKey);
                while (!fork.Ended)
                {
                    fork.Step(Any(fork, draws.Key(fork.Actions.Count).Key("fork")));
                }

                Assert.Equal((before.Text, before.StateKey), (episode.Observation.Text, episode.Observation.StateKey));
                Assert.False(episode.Ended);
                episode.Step(Any(episode, draws.Key(episode.Actions.Count)));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void A_fork_goes_on_as_the_original_does(string name)
    {
        var harness = new EpisodeHarness(Make(name));
        foreach (var seed in Enumerable.Range(0, 20))
        {
            var (episode, draws) = (harness.Reset(seed), new Draws(seed));
            episode.Step(Any(episode, draws));
            var fork = episode.Fork();
            for (var t = 0; !episode.Ended; t++)
            {
                var action = Any(episode, draws.Key(t));
                var (one, other) = (episode.Step(action), fork.Step(action));
                Assert.Equal((one.Observation.Text, one.Reward, one.Terminated, one.Truncated, one.Success), (other.Observation.Text, other.Reward, other.Terminated, other.Truncated, other.Success));
            }

            Assert.Equal((episode.Return, episode.Success, episode.Terminated, episode.Truncated), (fork.Return, fork.Success, fork.Terminated, fork.Truncated));
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void An_invalid_action_changes_nothing_but_uses_up_a_step(string name)
    {
        var episode = Make(name).Reset(1);
        var before = episode.Observation;
        foreach (var action in new[] { "dance", string.Empty, "go to", "take apple", "open", "search", "search[", "]", "search[]" })
        {
            var outcome = episode.Step(action);
            Assert.Equal((false, 0.0, before.StateKey), (outcome.Valid, outcome.Reward, outcome.Observation.StateKey));
            if (outcome.Ended)
            {
                Assert.True(outcome is { Truncated: true, Terminated: false, Success: false });
                break;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Upper_case_and_white_space_do_not_matter(string name)
    {
        var (plain, loud) = (Make(name).Reset(4), Make(name).Reset(4));
        var action = plain.Observation.LegalActions![^1];
        Assert.Equal(plain.Step(action).Observation.Text, loud.Step($"  {action.ToUpperInvariant()}\n").Observation.Text);
    }

    [Theory]
    [MemberData(nameof(Environments))]
    public void Every_legal_action_is_valid_and_none_is_left_after_the_end(string name)
    {
        foreach (var seed in Enumerable.Range(0, 20))
        {
            var (episode, draws) = (Make(name).Reset(seed), new Draws(seed));
            Outcome outcome;
            var t = 0;
            do
            {
                var legal = episode.Observation.LegalActions!;
                outcome = episode.Step(legal[draws.Key(t++).Below(legal.Count)]);
                Assert.True(outcome.Valid);
            }
            while (!outcome.Ended);

            Assert.Empty(outcome.Observation.LegalActions!);
            Assert.Contains("after the end", Assert.Throws<InvalidOperationException>(() => episode.Step("back")).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("shop", 5.0)]
    [InlineData("house", 6.1)]
    public void The_expert_does_every_task(string name, double steps)
    {
        var taken = 0.0;
        const int Tasks = 400;
        foreach (var seed in Enumerable.Range(0, Tasks))
        {
            var episode = new EpisodeHarness(Make(name)).Reset(seed);
            while (!episode.Ended)
            {
                Assert.True(episode.Step(episode.ExpertAction!).Valid);
            }

            Assert.True(episode.Success && episode.Return == 1);
            taken += episode.Actions.Count;
        }

        Assert.InRange(taken / Tasks, steps - 0.15, steps + 0.15);
    }

    [Theory]
    [InlineData("shop")]
    [InlineData("house")]
    public void The_expert_finds_its_way_from_anywhere(string name)
    {
        foreach (var seed in Enumerable.Range(0, 40))
        {
            var (episode, draws) = (Make(name, 40).Reset(seed), new Draws(seed));
            Outcome? last = null;
            for (var t = 0; last is not { Ended: true }; t++)
            {
                var legal = episode.Observation.LegalActions!.Where(action => action != "buy").ToArray();
                last = episode.Step(t < 12 ? legal[draws.Key(t).Below(legal.Length)] : episode.ExpertAction!);
            }

            Assert.True(last.Success);
        }
    }

    [Fact]
    public void The_state_key_tells_what_the_text_of_the_house_hides()
    {
        var episode = new MiniHouse(new MiniHouseOptions()).Reset(1008);
        Assert.DoesNotContain("key", episode.Observation.Text, StringComparison.Ordinal);
        Assert.Contains("key:fridge", episode.Observation.StateKey, StringComparison.Ordinal);
    }

    [Fact]
    public void A_state_that_comes_again_has_the_same_key()
    {
        var episode = new MiniHouse(new MiniHouseOptions()).Reset(1008);
        var table = episode.Step("go to table").Observation;
        episode.Step("go to shelf");
        Assert.Equal(table, episode.Step("go to table").Observation with { LegalActions = table.LegalActions });
    }

    private static ITextEnvironment Make(string name, int? steps = null) => name == "shop"
        ? new MiniShop(steps is { } some ? new MiniShopOptions { MaxSteps = some } : new MiniShopOptions())
        : new MiniHouse(steps is { } many ? new MiniHouseOptions { MaxSteps = many } : new MiniHouseOptions());

    private static string Any(Episode episode, Draws draws) => draws.Key("invalid").Below(10) == 0 ? "dance" : episode.Observation.LegalActions![draws.Below(episode.Observation.LegalActions.Count)];
}
