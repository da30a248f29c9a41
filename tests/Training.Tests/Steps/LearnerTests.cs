using Plumbline.Training;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>The learner as loops use it.</summary>
public sealed class LearnerTests
{
    [Fact]
    public void Terms_add_up_and_tell_their_metrics_under_their_ids()
    {
        using var alone = Run([new Slope(1)]);
        using var together = Run([new Slope(1), new Slope(2), new Slope(4)]);
        var (one, sum) = (alone.Recorder.Metrics[0], together.Recorder.Metrics[0]);
        Assert.Equal(7 * one["loss"], sum["loss"], 1e-5 * Math.Abs(one["loss"]));
        Assert.Equal(7 * one["grad_norm"], sum["grad_norm"], 1e-4 * one["grad_norm"]);
        Assert.Equal((1.0, 2.0, 4.0), (sum["slope"], sum["term-1/slope"], sum["term-2/slope"]));
        Assert.Equal(2 * one["loss"], sum["term-1/loss"], 1e-5 * Math.Abs(one["loss"]));
    }

    [Fact]
    public void The_needs_of_every_term_are_met()
    {
        var seen = new Slope(1);
        Run([seen, new Slope(1) { Asks = Needs.Entropies }]).Dispose();
        Assert.Contains("entropies", seen.Batches[0].Names);
    }

    [Fact]
    public void A_controller_gives_a_coefficient_from_update_to_update()
    {
        var slope = new Slope(1);
        using var tiny = Run([slope], options => options with { Steps = 2, Minibatches = 2, Controllers = [new SteeredCoefficient { Of = "weight", By = Part<IController>.Of("counting", new Counting()) }] });
        // The value in force, the update in hand, and those planned.
        Assert.Equal([10, 101, 1012, 10123], slope.Batches.Select(batch => batch.Weight));
        Assert.Equal([101, 10123], tiny.Recorder.Metrics.Select(metrics => metrics["weight"]));
    }

    [Fact]
    public void A_term_s_coefficient_can_be_steered_too()
    {
        var term = new Slope(5);
        Run([new Plain(), term], options => options with { Controllers = [new SteeredCoefficient { Of = "weight", By = Part<IController>.Of("counting", new Counting()) }] }).Dispose();
        Assert.Equal([50, 501, 5012], term.Batches.Select(batch => batch.Weight));
    }

    [Fact]
    public void An_unknown_coefficient_is_refused_by_name()
    {
        var error = Assert.Throws<PlumblineException>(() => Run([new Slope(1)], options => options with { Controllers = [new SteeredCoefficient { Of = "wieght", By = Part<IController>.Of("counting", new Counting()) }] }));
        Assert.Contains("'wieght'", error.Message, StringComparison.Ordinal);
        Assert.Contains("there are weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_metric_that_no_step_has_is_refused_by_name()
    {
        var error = Assert.Throws<PlumblineException>(() => Run([new Slope(1)], options => options with { Controllers = [new SteeredCoefficient { Of = "weight", By = Part<IController>.Of("counting", new Counting("nothing")) }] }));
        Assert.Contains("'nothing'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_coefficient_that_is_not_finite_ends_the_run()
    {
        var error = Assert.Throws<PlumblineException>(() => Run([new Slope(double.MaxValue)], options => options with { Controllers = [new SteeredCoefficient { Of = "weight", By = Part<IController>.Of("counting", new Counting()) }] }));
        Assert.Contains("set 'weight' to", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Draws_are_keyed_by_update_and_row()
    {
        var (first, second) = (new Slope(1) { Wants = ["u", "v"] }, new Slope(1) { Wants = ["v"] });
        Run([first], options => options with { Minibatches = 2 }).Dispose();
        Run([second], options => options with { Minibatches = 2 }).Dispose();
        Assert.All(first.Batches.SelectMany(batch => batch.Numbers["u"]), u => Assert.InRange(u, 0, 1));
        Assert.Equal(6 * 4, first.Batches.SelectMany(batch => batch.Numbers["u"]).Distinct().Count());
        // Another tensor of numbers, or none, changes nothing.
        Assert.Equal(first.Batches.SelectMany(batch => batch.Numbers["v"]), second.Batches.SelectMany(batch => batch.Numbers["v"]));
        Assert.Empty(first.Batches[0].Numbers["u"].Intersect(first.Batches[0].Numbers["v"]));
    }

    [Fact]
    public void A_stateful_objective_is_called_in_order_and_its_parameters_train_along()
    {
        using var number = new Number();
        var stateful = new Stateful(number);
        using var tiny = Run([stateful]);
        Assert.Equal(["begin", "prepare", "compute", "finish", "prepare", "compute", "finish", "prepare", "compute", "finish"], stateful.Calls);
        Assert.Equal(3, stateful.Values.Distinct().Count());
        Assert.True(tiny.Recorder.Metrics[0]["state_grad_norm"] > 0);
    }

    [Fact]
    public void A_stateful_term_is_given_its_own_loss_at_the_end()
    {
        using var number = new Number();
        var stateful = new Stateful(number);
        Run([new Slope(1), stateful]).Dispose();
        Assert.Equal(3, stateful.Finished.Count);
        Assert.Equal(stateful.Computed, stateful.Finished);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public void A_reference_that_only_a_term_reads_is_in_the_estimate(bool reads, int copies)
    {
        var options = new OnlineGroupsOptions
        {
            Objective = Part<GroupObjective>.Of("slope", new Slope(1)),
            Terms = [Part<GroupObjective>.Of("term", new PolicyGradient(reads ? Needs.Reference : Needs.None))],
            Rewards = [Scoring.LikesA],
            Sampler = Tiny.Sampler(),
            Data = Tiny.Words(),
        };
        Assert.Equal(copies, options.Estimate(new Tiny.NoServices()).FrozenCopies);
    }

    [Fact]
    public void Step_and_total_count_updates()
    {
        var slope = new Slope(1);
        Run([slope], options => options with { Steps = 2, Minibatches = 2, EpochsPerBatch = 2 }).Dispose();
        Assert.Equal(Enumerable.Range(0, 8).Select(step => (step, 8)), slope.Batches.Select(batch => ((int)batch.Step, (int)batch.Total)));
    }

    private static Tiny Run(GroupObjective[] terms, Func<OnlineGroupsOptions, OnlineGroupsOptions>? change = null)
    {
        var tiny = new Tiny();
        Part<GroupObjective>[] parts = [.. terms.Select((term, i) => Part<GroupObjective>.Of($"term-{i}", term))];
        var options = new OnlineGroupsOptions
        {
            Objective = parts[0],
            Terms = parts[1..],
            Rewards = [Scoring.LikesA],
            Sampler = Tiny.Sampler(),
            Data = Tiny.Words(),
            Steps = 3,
            PromptsPerStep = 2,
            MaxGradNorm = null,
        };
        new OnlineGroups(change?.Invoke(options) ?? options, tiny.Stage).Run(CancellationToken.None);
        return tiny;
    }

    /// <summary>weight times the mean log-probability.</summary>
    private sealed class Slope(double weight) : GroupObjective
    {
        internal List<(string[] Names, double Weight, double Step, double Total, Dictionary<string, double[]> Numbers)> Batches { get; } = [];

        internal Needs Asks { get; init; }

        internal string[] Wants { get; init; } = [];

        public override Needs Needs => Asks;

        public override IReadOnlyList<string> Draws => Wants;

        public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["weight"] = weight };

        public override Loss Compute(GroupBatch batch)
        {
            var force = batch.Number("weight") ?? weight;
            Batches.Add((
                [.. batch.Names], force, batch.Number("step")!.Value, batch.Number("total_steps")!.Value,
                Wants.ToDictionary(name => name, name => batch[name].to_type(ScalarType.Float64).data<double>().ToArray())));
            return new Loss(force * (batch.Logps * batch.Mask).sum() / batch.Mask.sum()) { ["slope"] = weight };
        }
    }

    private sealed class Plain : GroupObjective
    {
        public override Loss Compute(GroupBatch batch) => new(batch.Logps.sum());
    }

    /// <summary>Ten times the value, plus the update's number.</summary>
    private sealed class Counting(string? metric = null) : IController
    {
        public string? Measures => metric;

        public double Next(ControlState state) => (10 * state.Value) + state.Step;
    }

    /// <summary>Learns a number beside the policy, and says in which order it is called.</summary>
    private sealed class Stateful(Number number) : GroupObjective, IStatefulObjective
    {
        internal List<string> Calls { get; } = [];

        internal List<double> Values { get; } = [];

        internal List<double> Computed { get; } = [];

        internal List<double> Finished { get; } = [];

        public double? StateLearningRate => 0.1;

        public nn.Module Begin(ICausalModel? policy, Draws draws)
        {
            Calls.Add("begin");
            Assert.NotNull(policy);
            return number;
        }

        public void Prepare(Batch batch)
        {
            Calls.Add("prepare");
            batch.With("number", (Tensor)number.Value);
        }

        public override Loss Compute(GroupBatch batch)
        {
            Calls.Add("compute");
            Values.Add(batch["number"].ToDouble());
            var loss = new Loss((batch.Logps * batch.Mask).sum() + (batch["number"] - 3).square().sum());
            Computed.Add(loss.Value.ToDouble());
            return loss;
        }

        public void Finish(Batch batch, Loss loss)
        {
            Calls.Add("finish");
            Finished.Add(loss.Value.ToDouble());
            Assert.True(batch.Has("number"));
            Assert.False(is_grad_enabled());
        }
    }

    private sealed class Number : nn.Module
    {
        internal Number()
            : base(nameof(Number))
        {
            Value = new Parameter(zeros(1));
            register_parameter("value", Value);
        }

        internal Parameter Value { get; }
    }
}
