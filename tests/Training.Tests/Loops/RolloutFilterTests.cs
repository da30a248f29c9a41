using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class RolloutFilterTests
{
    [Fact]
    public void Only_the_chosen_rows_learn_and_one_may_learn_twice()
    {
        var objective = new Weighted();
        using var tiny = Run(objective, new Chosen([3, 3, 0]));
        Assert.Equal([3], objective.Rows);
        Assert.Equal(2 / 8.0, tiny.Recorder.Metrics[0]["kept"]);
    }

    [Fact]
    public void A_weight_goes_to_the_objective_and_a_row_of_weight_0_is_left_out()
    {
        var objective = new Weighted();
        Run(objective, new Weighing([0, 2, 0, 0, 0.5, 0, 0, 1])).Dispose();
        Assert.Equal([0.5, 1, 2], Assert.Single(objective.Weights).Order());
    }

    [Fact]
    public void A_filter_sees_rewards_groups_and_draws_of_its_own_for_each_group()
    {
        var filter = new Chosen([0]) { Draws = 3 };
        Run(new Weighted(), filter).Dispose();
        Assert.Equal([0, 0, 1, 1, 2, 2, 3, 3], filter.Groups);
        Assert.Equal([4, 3], filter.Shape);
        Assert.Equal(12, filter.Numbers.Distinct().Count());
        var again = new Chosen([0]) { Draws = 3 };
        Run(new Weighted(), again).Dispose();
        Assert.Equal(filter.Numbers, again.Numbers);
    }

    [Fact]
    public void Advantages_are_made_of_the_whole_batch_before()
    {
        // The advantage part below gives each row the number of rows it saw.
        var objective = new Weighted();
        Run(objective, new Chosen([1])).Dispose();
        Assert.Equal(8, objective.Advantage);
    }

    [Fact]
    public void Weights_that_nothing_would_read_are_refused()
    {
        var error = Assert.Throws<PlumblineException>(() => Run(new ActorCriticLoss(), new Weighing([1, 1, 1, 1, 1, 1, 1, 1])));
        Assert.Contains("reads no sample_weights", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_that_leaves_nothing_ends_the_run_in_words()
    {
        var error = Assert.Throws<PlumblineException>(() => Run(new Weighted(), new Weighing(new double[8])));
        Assert.Contains("left nothing to learn from", error.Message, StringComparison.Ordinal);
    }

    private static Tiny Run(ActorCriticObjective objective, IRolloutFilter filter)
    {
        var tiny = new Tiny();
        new ActorCritic(
            new ActorCriticOptions
            {
                Objective = Part<ActorCriticObjective>.Of("weighted", objective),
                TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
                Advantage = Part<ITokenAdvantage>.Of("counting", new Counting()),
                Filter = Part<IRolloutFilter>.Of("filter", filter),
                Rewards = [Scoring.LikesA],
                Sampler = Tiny.Sampler(group: 2),
                Data = Tiny.Words(),
                Steps = 1,
                PromptsPerStep = 4,
            },
            tiny.Stage).Run(CancellationToken.None);
        return tiny;
    }

    private sealed class Counting : ITokenAdvantage
    {
        public Outputs Compute(Batch batch)
        {
            var mask = batch["mask"];
            return new Outputs { ["advantages"] = full_like(mask, mask.shape[0]), ["returns"] = zeros_like(mask) };
        }
    }

    private sealed class Chosen(long[] rows) : IRolloutFilter
    {
        internal int Draws { get; init; }

        internal long[] Groups { get; private set; } = [];

        internal long[] Shape { get; private set; } = [];

        internal double[] Numbers { get; private set; } = [];

        public int DrawsPerGroup => Draws;

        public Outputs Filter(Batch batch)
        {
            Groups = batch["group_ids"].data<long>().ToArray();
            Assert.Equal(Groups.Length, batch["rewards"].shape[0]);
            if (batch.Find("draws") is { } draws)
            {
                (Shape, Numbers) = (draws.shape, draws.reshape(-1).to_type(ScalarType.Float64).data<double>().ToArray());
            }

            return new Outputs { ["indices"] = tensor(rows) };
        }
    }

    private sealed class Weighing(double[] weights) : IRolloutFilter
    {
        public Outputs Filter(Batch batch) => new() { ["sample_weights"] = tensor(weights) };
    }

    private sealed class Weighted : ActorCriticObjective
    {
        internal List<long> Rows { get; } = [];

        internal List<double[]> Weights { get; } = [];

        internal double Advantage { get; private set; }

        public override IReadOnlyList<string> FurtherInputs => ["sample_weights"];

        public override Loss Compute(ActorCriticBatch batch)
        {
            Rows.Add(batch.Logps.shape[0]);
            if (batch.Find("sample_weights") is { } weights)
            {
                Weights.Add(weights.data<double>().ToArray());
            }

            Advantage = batch.Advantages[0, 0].ToDouble();
            return new Loss((batch.Logps * batch.Mask).sum() + (batch.Values * batch.Mask).sum());
        }
    }
}
