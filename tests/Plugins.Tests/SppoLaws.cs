using Plumbline.Plugins.Sppo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SppoLaws
{
    [Fact]
    public void A_policy_equal_to_the_reference_pays_for_the_win_rates_alone() => Given.AnyBatch(random =>
    {
        var batch = Rated(random);
        var still = batch.But(("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps));
        var eta = 1 + (10 * random.NextDouble());
        var rates = (batch["chosen_win_rates"] - 0.5).square() + (batch["rejected_win_rates"] - 0.5).square();
        Given.Same(eta * eta / 2 * rates.mean(), new Sppo(new SppoOptions { Eta = eta }).Compute(still).Value);
    });

    [Fact]
    public void Hard_labels_are_win_rates_of_one_and_nought() => Given.AnyBatch(random =>
    {
        var batch = Rated(random);
        var sure = batch.But(("chosen_win_rates", ones_like(batch["chosen_win_rates"])), ("rejected_win_rates", zeros_like(batch["chosen_win_rates"])));
        var (hard, score) = (new Sppo(new SppoOptions { Eta = 4, Variant = SppoVariant.Hard }).Compute(batch), new Sppo(new SppoOptions { Eta = 4 }).Compute(sure));
        Given.Same(score.Value, hard.Value);
        Given.Same(score.GradientOf(batch.PolicyRejectedLogps), hard.GradientOf(batch.PolicyRejectedLogps));
    });

    [Fact]
    public void One_probability_gives_both_sides_their_targets() => Given.AnyBatch(random =>
    {
        var batch = Rated(random);
        var p = batch["chosen_win_rates"];
        var single = new Sppo(new SppoOptions { Eta = 4, Variant = SppoVariant.Single }).Compute(batch.But(("chosen_probs", p)));
        Given.Same(new Sppo(new SppoOptions { Eta = 4 }).Compute(batch.But(("rejected_win_rates", 1 - p))).Value, single.Value);
    });

    [Fact]
    public void Each_answer_has_a_target_of_its_own() => Given.AnyBatch(random =>
    {
        var batch = Rated(random);
        var objective = new Sppo(new SppoOptions { Eta = 4 });
        var moved = batch.But(("policy_rejected_logps", random.Logps(batch.RejectedMask)));
        Given.Same(objective.Compute(batch).GradientOf(batch.PolicyChosenLogps), objective.Compute(moved).GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void The_loss_over_a_list_of_every_answer_is_least_at_the_exact_step() => Given.AnyBatch(random =>
    {
        var eta = 1 + random.NextDouble();
        var preferences = IpoMdLaws.Game(random, 5);
        var policy = full([1, 5], 0.2, ScalarType.Float64);
        var step = Sppo.Update(policy, preferences.unsqueeze(0), new SppoUpdateOptions { Eta = eta });
        var logps = step.Tensor("policy").log().reshape(5, 1).detach().requires_grad_();
        var loss = Sppo.List(
            logps, policy.log().reshape(5, 1), ones(5, 1, ScalarType.Float64), preferences.mean([1]), zeros(5, ScalarType.Int64), new SppoListOptions { Eta = eta, LogZ = SppoLogZ.Empirical });
        Given.Same(0, loss.Value);
        Given.Same(0, loss.GradientOf(logps));
    });

    [Fact]
    public void An_even_game_leaves_the_policy() => Given.AnyBatch(random =>
    {
        var policy = random.Normal(1, 3, 4).softmax(-1);
        var step = Sppo.Update(policy, full([3, 4, 4], 0.5, ScalarType.Float64), new SppoUpdateOptions { Eta = 1 + random.NextDouble() });
        Given.Same(policy, step.Tensor("policy"));
        Given.Same(0.5, step.Tensor("win_rates"));
    });

    [Fact]
    public void Of_two_answers_one_beats_the_other_and_win_rates_average_one_half() => Given.AnyBatch(random =>
    {
        var rates = WinRates.FromScores(random.Normal(1, 3, 5));
        Given.Same(1, rates.Probs + rates.Probs.transpose(1, 2));
        Given.Same(0.5, rates.Rates.mean([1]));
        Given.Same(0, rates.ChosenRates - rates.Rates.amax([1]));
        Given.Same(0, rates.RejectedRates - rates.Rates.amin([1]));
    });

    [Fact]
    public void A_tie_goes_to_the_first_answer_for_best_and_worst()
    {
        var rates = WinRates.FromScores(tensor(new[] { 1.0, 3, 3, 1 }, [1, 4]));
        Assert.Equal(1, rates.Chosen.ToInt64());
        Assert.Equal(0, rates.Rejected.ToInt64());
        var even = WinRates.FromPreferences(full([2, 3, 3], 0.5, ScalarType.Float64));
        Assert.Equal(new long[] { 0, 0 }, even.Chosen.data<long>().ToArray());
        Assert.Equal(new long[] { 0, 0 }, even.Rejected.data<long>().ToArray());
    }

    [Fact]
    public void Best_and_worst_follow_the_win_rate_where_the_preferences_run_in_a_circle()
    {
        // 0 beats 1, 1 beats 2, 2 beats 0 narrowly, and everything beats 3.
        var p = tensor(new[] { 0.5, 0.9, 0.4, 0.8, 0.1, 0.5, 0.9, 0.8, 0.6, 0.1, 0.5, 0.8, 0.2, 0.2, 0.2, 0.5 }, [1, 4, 4]);
        var rates = WinRates.FromPreferences(p);
        Assert.Equal((0L, 3L), (rates.Chosen.ToInt64(), rates.Rejected.ToInt64()));
        Assert.Equal(0.8, rates.ChosenProbs.ToDouble(), 12);
    }

    [Fact]
    public void The_columns_read_are_those_of_the_variant()
    {
        static string[] Columns(SppoVariant variant) => [.. new Sppo(new SppoOptions { Variant = variant }).Columns.Select(column => column.Name)];
        Assert.Equal(["chosen_win_rates", "rejected_win_rates"], Columns(SppoVariant.Score));
        Assert.Equal(["chosen_probs"], Columns(SppoVariant.Single));
        Assert.Empty(Columns(SppoVariant.Hard));
    }

    private static PairBatch Rated(Random random)
    {
        var batch = random.Pairs();
        var rows = batch.ChosenMask.shape[0];
        batch.With("chosen_win_rates", random.Normal(1, rows).sigmoid()).With("rejected_win_rates", random.Normal(1, rows).sigmoid());
        return batch;
    }
}
