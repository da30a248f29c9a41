using Plumbline.Plugins.Gigpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GigpoLaws
{
    private static readonly GigpoAdvantageOptions Defaults = new();

    [Fact]
    public void Without_the_step_level_it_is_grpo_over_trajectories() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        var options = Defaults with { StepAdvantageW = 0, InvalidActionPenalty = 0 };
        // GRPO by its own part: a row a trajectory, with the sum of its rewards.
        var ids = turns.Trajectories.Distinct().ToArray();
        var batch = new Batch
        {
            ["rewards"] = tensor(ids.Select(id => turns.Rewards.Where((_, row) => turns.Trajectories[row] == id).Sum()).ToArray()),
            ["group_ids"] = tensor(ids.Select(id => turns.Groups[Array.IndexOf(turns.Trajectories, id)]).ToArray()),
        };
        var grpo = new GroupRelative(new GroupRelativeOptions { StdEpsilon = options.Epsilon, Singleton = SingletonRule.Raw }).Compute(batch).Tensor("advantages");
        Given.Same(grpo.index_select(0, tensor(turns.Trajectories.Select(id => (long)Array.IndexOf(ids, id)).ToArray())), turns.Gigpo(options).Tensor("advantages"));
    });

    [Fact]
    public void Where_no_state_comes_twice_there_is_no_step_level() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        turns = turns with { States = [.. turns.States.Select((_, row) => $"state {row}")] };
        Given.Same(turns.Gigpo(Defaults with { StepAdvantageW = 0 }).Tensor("advantages"), turns.Gigpo(Defaults).Tensor("advantages"));
        Given.Same(0, turns.Gigpo(Defaults).Tensor("step_advantages"));
    });

    [Fact]
    public void Where_all_trajectories_of_a_group_return_the_same_there_is_no_episode_level() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        turns = turns with { Rewards = [.. turns.Steps.Select(step => step == 0 ? 1.0 : 0.0)] };
        var options = Defaults with { InvalidActionPenalty = 0 };
        Given.Same(0, turns.Gigpo(options).Tensor("episode_advantages"));
    });

    [Fact]
    public void Undiscounted_and_sparse_every_step_returns_what_its_episode_does() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        double[] totals = [.. turns.Trajectories.Select(id => turns.Rewards.Where((_, row) => turns.Trajectories[row] == id).Sum())];
        var last = turns.Trajectories.Select((id, row) => turns.Steps[row] == turns.Steps.Where((_, other) => turns.Trajectories[other] == id).Max()).ToArray();
        turns = turns with { Rewards = [.. totals.Select((total, row) => last[row] ? total : 0)] };
        Given.Same(tensor(totals), GroupInGroup.Returns(tensor(turns.Rewards), tensor(turns.Trajectories), tensor(turns.Steps), Defaults with { Gamma = 1 }));
    });

    [Fact]
    public void The_order_of_rows_does_not_matter() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        int[] order = [.. Enumerable.Range(0, turns.Rewards.Length)];
        random.Shuffle(order);
        Given.Same(turns.Gigpo(Defaults).Tensor("advantages").index_select(0, tensor(order.Select(row => (long)row).ToArray())), turns.Take(order).Gigpo(Defaults).Tensor("advantages"));
    });

    [Fact]
    public void A_long_episode_weighs_no_more_than_a_short_one() => Given.AnyBatch(random =>
    {
        // The shortest episode of a group goes on for three steps that earn nothing: nobody's episode advantage moves.
        var turns = Turns.Any(random);
        var longer = turns.With(turns.Trajectories[0], turns.Steps.Max() + 1, 0.0, "elsewhere").With(turns.Trajectories[0], turns.Steps.Max() + 2, 0.0, "elsewhere");
        var options = Defaults with { InvalidActionPenalty = 0 };
        Given.Same(turns.Gigpo(options).Tensor("episode_advantages"), longer.Gigpo(options).Tensor("episode_advantages").narrow(0, 0, turns.Rewards.Length));
    });

    [Fact]
    public void A_penalty_falls_on_its_own_step_alone() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        turns = turns with { Valid = [.. turns.Valid.Select(_ => 1L)] };
        var row = random.Next(turns.Valid.Length);
        var invalid = turns with { Valid = [.. turns.Valid.Select((_, other) => other == row ? 0L : 1L)] };
        var options = Defaults with { StepAdvantageW = 0, Mode = GigpoMode.MeanNorm, InvalidActionPenalty = 0.25 };
        var change = invalid.Gigpo(options).Tensor("advantages") - turns.Gigpo(options).Tensor("advantages");
        Given.Same(tensor(turns.Valid.Select((_, other) => other == row ? -0.25 : 0.0).ToArray()), change);
    });

    [Fact]
    public void States_of_different_groups_are_never_one() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        var ids = GroupInGroup.StepGroups(turns.States, tensor(turns.Groups), Defaults with { EnableSimilarity = true, SimilarityThreshold = 0.01 }).Tensor("step_group_ids").data<long>().ToArray();
        Assert.All(ids.Zip(turns.Groups).GroupBy(pair => pair.First), cluster => Assert.Single(cluster.Select(pair => pair.Second).Distinct()));
    });

    [Theory]
    [InlineData("", "", 1.0)]
    [InlineData("abcd", "bcde", 0.75)]
    [InlineData("abxcd", "abcd", 8 / 9.0)]
    [InlineData("a", "", 0.0)]
    public void Similarity_counts_common_blocks(string a, string b, double expected) => Assert.Equal(expected, Similarity(a, b), 1e-9);

    [Fact]
    public void A_letter_that_is_frequent_in_a_long_text_counts_like_any_other()
    {
        // 200 characters and more, where a matcher with a junk heuristic would ignore every one of them.
        var text = string.Concat(Enumerable.Repeat("ab ", 100));
        Assert.Equal(2.0 * 300 / 601, Similarity(text, text + "c"), 1e-9);
    }

    [Fact]
    public void An_advantage_part_reads_the_texts_of_the_batch()
    {
        var turns = Turns.Any(new Random(3));
        var batch = turns.Batch().With("observations", turns.States).With("state_keys", turns.States.Select((_, row) => $"{row}").ToArray());
        Given.Same(turns.Gigpo(Defaults).Tensor("advantages"), new GroupInGroup(Defaults).Compute(batch).Tensor("advantages"));
        Given.Same(turns.Gigpo(Defaults with { StepAdvantageW = 0 }).Tensor("advantages"), new GroupInGroup(Defaults with { Anchor = StateAnchor.StateKey }).Compute(batch).Tensor("advantages"));
    }

    [Fact]
    public void A_trajectory_in_two_groups_is_refused()
    {
        var turns = Turns.Any(new Random(5));
        var row = Array.FindIndex(turns.Steps, step => step == 1);
        turns.Groups[row] += 50;
        Assert.Contains("trajectory", Assert.Throws<InvalidInputException>(() => turns.Gigpo(Defaults)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Beta_can_be_steered_where_it_begins_above_0()
    {
        Assert.Equal(["beta"], new Gigpo(new GigpoOptions()).Coefficients.Keys);
        Assert.Empty(new Gigpo(new GigpoOptions { Beta = 0 }).Coefficients);
        Assert.Equal(Needs.None, new Gigpo(new GigpoOptions { Beta = 0 }).Needs);
    }

    /// <summary>The measure as the options see it: the highest threshold at which two states are one, found by bisection.</summary>
    private static double Similarity(string a, string b)
    {
        var (low, high) = (1e-12, 1 - 1e-12);
        if (One(high))
        {
            return 1;
        }

        for (var i = 0; i < 50; i++)
        {
            var middle = (low + high) / 2;
            (low, high) = One(middle) ? (middle, high) : (low, middle);
        }

        return low;

        bool One(double threshold) => GroupInGroup.StepGroups([b, a], zeros(2, int64), Defaults with { EnableSimilarity = true, SimilarityThreshold = threshold }).Tensor("group_sizes").shape[0] == 1;
    }
}

/// <summary>A random batch of turns.</summary>
internal sealed record Turns(double[] Rewards, long[] Groups, long[] Trajectories, long[] Steps, string[] States, string[] Actions, string[] Next, long[] Valid)
{
    /// <summary>Two groups of two to four trajectories, one to five steps each, few states and actions; rows interleaved. Trajectory k of group g has the number 100 g + k.</summary>
    internal static Turns Any(Random random)
    {
        var rows = new List<(double, long Group, long Trajectory, long Step, string State, string Action, string Next, long)>();
        for (var group = 0; group < 2; group++)
        {
            var trajectories = random.Next(2, 5);
            for (var k = 0; k < trajectories; k++)
            {
                var steps = random.Next(k == 0 ? 2 : 1, 6);
                var states = Enumerable.Range(0, steps + 1).Select(step => step == 0 ? "start" : $"room {random.Next(3)}").ToArray();
                for (var step = 0; step < steps; step++)
                {
                    rows.Add((random.Next(3) / 2.0, group, (100 * group) + k, step, states[step], $"go {random.Next(2)}", states[step + 1], random.Next(4) > 0 ? 1 : 0));
                }
            }
        }

        var shuffled = rows.ToArray();
        random.Shuffle(shuffled);
        return new Turns(
            [.. shuffled.Select(row => row.Item1)], [.. shuffled.Select(row => row.Group)], [.. shuffled.Select(row => row.Trajectory)], [.. shuffled.Select(row => row.Step)],
            [.. shuffled.Select(row => row.State)], [.. shuffled.Select(row => row.Action)], [.. shuffled.Select(row => row.Next)], [.. shuffled.Select(row => row.Item8)]);
    }

    internal Turns Take(int[] order) => new(
        [.. order.Select(row => Rewards[row])], [.. order.Select(row => Groups[row])], [.. order.Select(row => Trajectories[row])], [.. order.Select(row => Steps[row])],
        [.. order.Select(row => States[row])], [.. order.Select(row => Actions[row])], [.. order.Select(row => Next[row])], [.. order.Select(row => Valid[row])]);

    internal Turns With(long trajectory, long step, double reward, string state) => new(
        [.. Rewards, reward], [.. Groups, Groups[Array.IndexOf(Trajectories, trajectory)]], [.. Trajectories, trajectory], [.. Steps, step],
        [.. States, state], [.. Actions, "wait"], [.. Next, state], [.. Valid, 1]);

    internal Outputs Gigpo(GigpoAdvantageOptions options) => GroupInGroup.Advantages(tensor(Rewards), tensor(Groups), tensor(Trajectories), tensor(Steps), States, tensor(Valid), options);

    /// <summary>As the loop of agents gives it to an advantage part.</summary>
    internal Batch Batch() => new Batch
    {
        ["turn_rewards"] = tensor(Rewards),
        ["group_ids"] = tensor(Groups),
        ["trajectory_ids"] = tensor(Trajectories),
        ["step_index"] = tensor(Steps),
        ["valid"] = tensor(Valid),
    }.With("observations", States).With("state_keys", States).With("actions", Actions).With("next_state_keys", Next);
}
