using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class WindowTests
{
    [Fact]
    public void Rows_go_on_where_they_stopped_and_every_token_learns_once()
    {
        var seen = new Seen();
        // Without a learning rate worth the name the policy stays, so rows are those of a run without windows.
        using var tiny = Run(seen, options => options with { Steps = 6, Window = 2, LearningRate = 1e-12 });
        Assert.All(seen.Batches, batch => Assert.InRange(batch.Fresh.Max(), 1, 2));
        Assert.Contains(seen.Batches, batch => batch.Unfinished > 0);
        var finished = seen.Batches.SelectMany(batch => batch.Finished).ToList();
        Assert.NotEmpty(finished);
        Assert.All(finished, row => Assert.Equal(row.Length, row.Learned));
        Assert.Equal(finished.Count, tiny.Recorder.Metrics.Sum(metrics => metrics["finished"]));
    }

    [Fact]
    public void Unfinished_rows_have_no_reward_yet()
    {
        var seen = new Seen();
        Run(seen, options => options with { Steps = 3, Window = 2, Rewards = [Scoring.Part("one", _ => 1)] }).Dispose();
        Assert.All(seen.Batches, batch => Assert.Equal(batch.Finished.Count, batch.Rewards));
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_policies_that_drew_the_tokens()
    {
        // The tripwire compares this step's tokens with the trainer's; a learning policy changes the earlier ones.
        var seen = new Seen();
        using var tiny = Run(seen, options => options with { Steps = 6, Window = 1, LearningRate = 0.05 });
        Assert.All(tiny.Recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-3));
        Assert.Contains(seen.Batches, batch => batch.StaleGap > 1e-2);
    }

    [Fact]
    public void A_window_longer_than_every_row_leaves_none_in_flight()
    {
        var seen = new Seen();
        using var tiny = Run(seen, options => options with { Steps = 2, Window = 5 });
        Assert.All(seen.Batches, batch => Assert.Equal(0, batch.Unfinished));
        Assert.All(tiny.Recorder.Metrics, metrics => Assert.Equal(6, metrics["finished"]));
    }

    [Fact]
    public void Decode_steps_are_counted_by_the_longest_row()
    {
        using var tiny = Run(new Seen(), options => options with { Steps = 3, Window = 1 });
        Assert.Equal([1, 2, 3], tiny.Recorder.Metrics.Select(metrics => metrics["decode_steps"]));
    }

    [Fact]
    public void An_objective_that_cannot_tell_this_steps_tokens_is_refused()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => New(tiny, new ActorCriticLoss(), new Masks(), options => options with { Window = 2 }).Run(CancellationToken.None));
        Assert.Contains("policy_mask", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_group_of_several_is_refused()
    {
        using var tiny = new Tiny();
        var error = Assert.Throws<PlumblineException>(() => New(tiny, new Seen(), new Masks(), options => options with { Window = 2, Sampler = Tiny.Sampler(group: 2) }).Run(CancellationToken.None));
        Assert.Contains("group_size is 2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_window_and_a_filter_do_not_go_together() => Assert.Contains(
        "window and filter",
        Assert.Single(Options(new Seen(), new Masks(), options => options with { Window = 2, Filter = Part<IRolloutFilter>.Of("any", null!) }).Check()),
        StringComparison.Ordinal);

    private static Tiny Run(Seen objective, Func<ActorCriticOptions, ActorCriticOptions> change)
    {
        var tiny = new Tiny();
        New(tiny, objective, new Masks(), change).Run(CancellationToken.None);
        return tiny;
    }

    private static ActorCritic New(Tiny tiny, ActorCriticObjective objective, ITokenAdvantage advantage, Func<ActorCriticOptions, ActorCriticOptions> change) =>
        new(Options(objective, advantage, change), tiny.Stage);

    private static ActorCriticOptions Options(ActorCriticObjective objective, ITokenAdvantage advantage, Func<ActorCriticOptions, ActorCriticOptions> change) => change(new ActorCriticOptions
    {
        Objective = Part<ActorCriticObjective>.Of("seen", objective),
        TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
        Advantage = Part<ITokenAdvantage>.Of("masks", advantage),
        Rewards = [Scoring.LikesA],
        Sampler = Tiny.Sampler(group: 1),
        Data = Tiny.Words(),
        Steps = 3,
        PromptsPerStep = 6,
        LearningRate = 0.01,
    });

    /// <summary>Hands on what the loop says of the rows.</summary>
    private sealed class Masks : ITokenAdvantage
    {
        public Outputs Compute(Batch batch)
        {
            var mask = batch["mask"];
            var fresh = mask * arange(mask.shape[1]).unsqueeze(0).ge(batch["window_start"].unsqueeze(1)).to_type(mask.dtype);
            return new Outputs
            {
                ["advantages"] = batch["token_rewards"],
                ["returns"] = batch["token_rewards"],
                ["policy_mask"] = fresh,
                ["done"] = mask * batch["finished"].unsqueeze(1).to_type(mask.dtype),
            };
        }
    }

    /// <summary>Keeps what each update saw. Rows keep their order in a step, and a row's tokens learn over several steps.</summary>
    private sealed class Seen : ActorCriticObjective
    {
        private readonly Dictionary<string, double> _learned = [];

        internal List<(double[] Fresh, int Unfinished, List<(double Length, double Learned)> Finished, double Rewards, double StaleGap)> Batches { get; } = [];

        public override IReadOnlyList<string> FurtherInputs => ["policy_mask", "done"];

        public override Loss Compute(ActorCriticBatch batch)
        {
            double[] Sums(Tensor values) => values.detach().sum(1).to_type(ScalarType.Float64).data<double>().ToArray();
            var (fresh, length, done) = (Sums(batch["policy_mask"]), Sums(batch.Mask), Sums(batch["done"]));
            var finished = new List<(double, double)>();
            // Where the policy stays, a row's first values tell it from the others.
            var names = batch.Logps.detach().narrow(1, 0, 1).data<float>().ToArray();
            for (var row = 0; row < fresh.Length; row++)
            {
                var name = names[row].ToString("F4");
                _learned[name] = length[row] == fresh[row] ? fresh[row] : _learned.GetValueOrDefault(name) + fresh[row];
                if (done[row] > 0)
                {
                    finished.Add((length[row], _learned[name]));
                }
            }

            var stale = ((batch.Logps - batch.OldLogps).detach() * (batch.Mask - batch["policy_mask"])).abs().max().ToDouble();
            Batches.Add((fresh, done.Count(tokens => tokens == 0), finished, batch.Advantages.sum().ToDouble(), stale));
            return new Loss((batch.Logps * batch["policy_mask"]).sum() + (batch.Values * batch["done"]).sum());
        }
    }
}
