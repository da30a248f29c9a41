using Plumbline.Training.Environments;

namespace Plumbline.Tests.Training.Environments;

public sealed class EpisodeHarnessTests
{
    [Fact]
    public void It_counts_steps_resets_and_what_a_fork_replays()
    {
        var harness = new EpisodeHarness(new Counter(clones: false));
        var episode = harness.Replay(3, ["up", "up"]);
        var fork = episode.Fork();
        fork.Step("up");
        Assert.Equal((5, 2, 1), (harness.Steps, harness.ReplayedSteps, harness.Resets));
        Assert.Equal(["up", "up", "up"], fork.Actions);
        Assert.Equal(["up", "up"], episode.Actions);
        Assert.Equal("2", episode.Observation.Text);
    }

    [Fact]
    public void A_copy_replays_nothing()
    {
        var harness = new EpisodeHarness(new Counter(clones: true));
        var fork = harness.Replay(3, ["up", "up"]).Fork();
        fork.Step("up");
        Assert.Equal((3, 0), (harness.Steps, harness.ReplayedSteps));
    }

    [Fact]
    public void A_replay_that_comes_elsewhere_is_an_error()
    {
        var harness = new EpisodeHarness(new Counter(clones: false, drift: true), "counter");
        var episode = harness.Replay(3, ["up"]);
        var message = Assert.Throws<PlumblineException>(() => episode.Fork()).Message;
        Assert.Contains("replay diverged", message, StringComparison.Ordinal);
        Assert.Contains("counter", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_step_after_the_end_is_an_error_that_reaches_no_environment()
    {
        var harness = new EpisodeHarness(new Counter(clones: true));
        var episode = harness.Replay(0, ["up", "up", "up", "up"]);
        Assert.True(episode.Truncated);
        Assert.Contains("after the end", Assert.Throws<InvalidInputException>(() => episode.Step("up")).Message, StringComparison.Ordinal);
        Assert.Equal(4, harness.Steps);
    }

    [Fact]
    public void A_trace_has_one_more_observation_than_actions()
    {
        var trace = new EpisodeHarness(new Counter(clones: true)).Trace(0, ["up", "down"]);
        Assert.Equal(["0", "1", "0"], trace.Observations);
        Assert.Equal([1.0, -1.0], trace.Rewards);
        Assert.All(trace.LegalActions, Assert.Null);
    }

    /// <summary>Counts up and down; where it drifts, each episode begins one higher.</summary>
    private sealed class Counter(bool clones, bool drift = false) : ITextEnvironment
    {
        private int _episodes;

        public IEpisode Reset(long seed) => new Count(clones, drift ? _episodes++ : 0);

        private sealed class Count(bool clones, int value) : IEpisode
        {
            private int _value = value;
            private int _steps;

            public Observation Observation => new($"{_value}", $"{_value}", null);

            public bool CanClone => clones;

            public IEpisode Clone() => (IEpisode)MemberwiseClone();

            public Outcome Step(string action)
            {
                var by = action == "up" ? 1 : -1;
                _value += by;
                return new Outcome(Observation, by) { Truncated = ++_steps == 4 };
            }
        }
    }
}
