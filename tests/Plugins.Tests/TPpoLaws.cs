using System.Text.Json.Nodes;
using Plumbline.Options;
using Plumbline.Plugins.Ppo;
using Plumbline.Plugins.TPpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class TPpoLaws
{
    [Fact]
    public void Of_finished_rows_the_estimate_is_plain_gae() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var (gamma, lam, whiten) = (random.NextDouble(), random.NextDouble(), random.Next(2) == 0);
        var batch = Rows(random, mask, finished: true);
        var mine = new Egae(new EgaeOptions { Gamma = gamma, Lam = lam, WhitenAdvantages = whiten }).Compute(batch);
        var plain = new Gae(new GaeOptions { Gamma = gamma, Lam = lam, WhitenAdvantages = whiten }).Compute(batch);
        Given.Same(plain.Tensor("advantages"), mine.Tensor("advantages"));
        Given.Same(plain.Tensor("returns"), mine.Tensor("returns"));
    });

    [Fact]
    public void With_constant_values_and_no_reward_an_unfinished_row_has_no_advantage() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var batch = new Batch { ["token_rewards"] = zeros_like(mask), ["values"] = full_like(mask, random.NextDouble()), ["mask"] = mask, ["finished"] = zeros(4, ScalarType.Bool) };
        Given.Same(0, new Egae(new EgaeOptions { Lam = random.NextDouble() }).Compute(batch).Tensor("advantages"));
    });

    [Fact]
    public void Where_everything_is_finished_the_loss_is_ppos() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var lam = random.NextDouble();
        var rows = Rows(random, mask, finished: true).With("window_start", zeros(4, int64));
        var estimated = new Egae(new EgaeOptions { Lam = lam, ValueLam = lam, WhitenAdvantages = true }).Compute(rows);
        var batch = new ActorCriticBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["values"] = random.Normal(1, 4, 6).requires_grad_(),
            ["old_values"] = rows["values"],
            ["advantages"] = estimated.Tensor("advantages"),
            ["returns"] = estimated.Tensor("returns"),
            ["value_returns"] = estimated.Tensor("value_returns"),
            ["policy_mask"] = estimated.Tensor("policy_mask"),
            ["value_mask"] = estimated.Tensor("value_mask"),
            ["mask"] = mask,
        };
        var (mine, ppo) = (new TPpo(new TPpoOptions { VfCoef = 0.5 }).Compute(batch), new Ppo(new PpoOptions { VfCoef = 0.5 }).Compute(batch));
        Given.Same(ppo.Value, mine.Value);
        Given.Same(ppo.GradientOf(batch.Logps), mine.GradientOf(batch.Logps));
        Given.Same(ppo.GradientOf(batch.Values), mine.GradientOf(batch.Values));
    });

    [Fact]
    public void Over_the_rounds_every_token_trains_the_policy_once() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 9);
        double[] lengths = mask.sum(1).data<double>().ToArray();
        var window = random.Next(1, 5);
        var (trained, starts) = (zeros_like(mask), new long[4]);
        while (starts.Zip(lengths).Any(pair => pair.First < pair.Second))
        {
            double[] reached = [.. starts.Zip(lengths, (start, length) => Math.Min(start + window, length))];
            var sofar = mask * arange(9).unsqueeze(0).lt(tensor(reached).unsqueeze(1)).to_type(float64);
            var masks = Egae.TokenMasks(sofar, tensor(starts), tensor(reached).eq(tensor(lengths)), new EgaeOptions());
            trained = trained + masks.Tensor("policy_mask");
            starts = [.. reached.Select(length => (long)length)];
        }

        Given.Same(mask, trained);
    });

    [Fact]
    public void Unfinished_rows_teach_the_critic_nothing() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var rows = Rows(random, mask, finished: false).With("window_start", zeros(4, int64));
        var estimated = new Egae(new EgaeOptions()).Compute(rows);
        Given.Same(0, estimated.Tensor("value_mask"));
        Given.Same(0, estimated.Tensor("value_returns"));
    });

    [Fact]
    public void Whitening_over_no_token_leaves_no_advantage() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var rows = Rows(random, mask, finished: false).With("policy_mask", zeros_like(mask));
        Given.Same(0, new Egae(new EgaeOptions { WhitenAdvantages = true }).Compute(rows).Tensor("advantages"));
    });

    [Fact]
    public void A_window_as_long_as_the_longest_response_costs_no_more_than_none() => Given.AnyBatch(random =>
    {
        var lengths = Lengths(random);
        var cost = Schedule.Of(lengths, new ScheduleOptions { Slots = random.Next(1, 6), Window = lengths.Max() });
        Assert.True((int)cost["truncated_steps"] <= (int)cost["synchronous_steps"]);
    });

    [Fact]
    public void With_a_window_of_one_every_slot_works_until_the_queue_is_empty() => Given.AnyBatch(random =>
    {
        var (lengths, slots) = (Lengths(random), random.Next(1, 6));
        var cost = Schedule.Of(lengths, new ScheduleOptions { Slots = slots, Window = 1 });
        var steps = (int)cost["truncated_steps"];
        // Once the queue is empty the last rows need no more than their own length.
        var idle = (steps * slots) - lengths.Sum();
        Assert.InRange(idle, 0, slots * lengths.Max());
        Assert.Equal(lengths.Length, ((IEnumerable<int>)cost["finished_per_round"]).Sum());
        Assert.True(steps <= (int)cost["synchronous_steps"]);
    });

    [Fact]
    public void Clips_of_zero_are_refused_by_name()
    {
        var error = Assert.Throws<ManifestException>(() => OptionsBinder.Bind<TPpoOptions>(new JsonObject { ["clip_low"] = 0 }, null!));
        Assert.Contains("clip", error.Message, StringComparison.Ordinal);
    }

    private static int[] Lengths(Random random) => [.. Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(1, 30))];

    private static Batch Rows(Random random, Tensor mask, bool finished) => new()
    {
        ["token_rewards"] = random.Normal(1, mask.shape) * mask,
        ["values"] = random.Normal(1, mask.shape),
        ["mask"] = mask,
        ["finished"] = full(mask.shape[0], finished, ScalarType.Bool),
    };
}
