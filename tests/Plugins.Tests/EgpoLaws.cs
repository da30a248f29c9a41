using Plumbline.Plugins.Egpo;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class EgpoLaws
{
    [Fact]
    public void The_equilibrium_is_a_fixed_point_of_the_step_and_its_gap_is_nought() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var beta = 0.2 + random.NextDouble();
        var equilibrium = RegularizedGame.Equilibrium(reference, preferences, beta, 1e-12);
        var step = Egpo.Step(equilibrium, reference, preferences, new EgpoStepOptions { Beta = beta, Eta = 0.5 });
        Given.Same(equilibrium, step.Tensor("half"));
        Given.Same(equilibrium, step.Tensor("next"));
        Given.Same(0, Egpo.Gap(equilibrium, reference, preferences, new EgpoGapOptions { Beta = beta }));
    });

    [Fact]
    public void No_policy_has_a_negative_gap() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var policy = random.Normal(2, 2, 4).softmax(-1);
        Assert.True(Egpo.Gap(policy, reference, preferences, new EgpoGapOptions { Beta = 0.05 + random.NextDouble() }).min().ToDouble() >= -1e-12);
        Assert.True(Egpo.Gap(policy, reference, preferences, new EgpoGapOptions { Beta = 0 }).min().ToDouble() >= 0);
    });

    [Fact]
    public void An_even_game_has_no_gap_at_the_reference_and_no_loss() => Given.AnyBatch(random =>
    {
        var logits = random.Normal(1, 2, 4).requires_grad_();
        var even = full([2, 4, 4], 0.5, ScalarType.Float64);
        var policy = logits.detach().softmax(-1);
        Given.Same(0, Egpo.Gap(policy, policy, even, new EgpoGapOptions()));
        Given.Same(0, Egpo.Tabular(logits, logits.detach(), policy, even, new EgpoTabularOptions()).Value);
        var batch = Rated(random);
        var rows = batch.ChosenMask.shape[0];
        var still = batch.But(
            ("policy_chosen_logps", batch.ReferenceChosenLogps), ("policy_rejected_logps", batch.ReferenceRejectedLogps),
            ("chosen_win_rates", full(rows, 0.5, ScalarType.Float64)), ("rejected_win_rates", full(rows, 0.5, ScalarType.Float64)));
        Given.Same(0, new Egpo(new EgpoOptions()).Compute(still).Value);
    });

    [Fact]
    public void The_mirror_step_is_the_trial_of_the_extragradient_step() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var policy = random.Normal(1, 2, 4).softmax(-1);
        var (extra, mirror) = (Step(EgpoStepKind.Extragradient), Step(EgpoStepKind.Mirror));
        Given.Same(extra.Tensor("half"), mirror.Tensor("half"));
        Given.Same(extra.Tensor("half"), mirror.Tensor("next"));
        Outputs Step(EgpoStepKind kind) => Egpo.Step(policy, reference, preferences, new EgpoStepOptions { Eta = 2, Kind = kind });
    });

    [Fact]
    public void Without_regularisation_the_reference_does_not_matter() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var policy = random.Normal(1, 2, 4).softmax(-1);
        var options = new EgpoStepOptions { Beta = 0, Eta = 2 };
        Given.Same(
            Egpo.Step(policy, reference, preferences, options).Tensor("next"), Egpo.Step(policy, random.Normal(1, 2, 4).softmax(-1), preferences, options).Tensor("next"));
        Given.Same(Egpo.Gap(policy, reference, preferences, new EgpoGapOptions { Beta = 0 }), Egpo.Gap(policy, policy, preferences, new EgpoGapOptions { Beta = 0 }));
    });

    [Fact]
    public void Gradient_descent_on_the_tables_loss_is_the_step() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var logits = random.Normal(1, 2, 4).requires_grad_();
        var (beta, rate) = (0.1 + random.NextDouble(), 0.05);
        var policy = logits.detach().softmax(-1);
        var expected = Egpo.Step(policy, reference, preferences, new EgpoStepOptions { Beta = beta, Eta = 4 * rate / (beta * 4) });
        Given.Same(expected.Tensor("half"), Descended(policy));
        Given.Same(expected.Tensor("next"), Descended(expected.Tensor("half")));

        Tensor Descended(Tensor opponent)
        {
            var loss = Egpo.Tabular(logits, reference.log(), opponent, preferences, new EgpoTabularOptions { Beta = beta });
            // The mean over two games, and a rate for each game.
            return (logits.detach() - (2 * rate * loss.GradientOf(logits))).softmax(-1);
        }
    });

    [Fact]
    public void A_constant_added_to_all_logits_changes_nothing() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var (logits, opponent) = (random.Normal(1, 2, 4), random.Normal(1, 2, 4).softmax(-1));
        Loss At(Tensor values) => Egpo.Tabular(values, reference.log(), opponent, preferences, new EgpoTabularOptions());
        Given.Same(At(logits).Value, At(logits + 3).Value);
    });

    [Fact]
    public void The_sampled_loss_over_all_pairs_of_one_token_answers_is_the_tables() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var logits = random.Normal(1, 2, 4).requires_grad_();
        var opponent = random.Normal(1, 2, 4).softmax(-1);
        var (rates, logps, frozen) = (Preferences.Against(preferences, opponent), logits.log_softmax(-1), reference.log());
        Tensor First(Tensor values) => values.unsqueeze(2).expand(2, 4, 4).reshape(-1);
        Tensor Second(Tensor values) => values.unsqueeze(1).expand(2, 4, 4).reshape(-1);
        var batch = new PairBatch
        {
            ["policy_chosen_logps"] = First(logps).unsqueeze(1),
            ["policy_rejected_logps"] = Second(logps).unsqueeze(1),
            ["reference_chosen_logps"] = First(frozen).unsqueeze(1),
            ["reference_rejected_logps"] = Second(frozen).unsqueeze(1),
            ["chosen_mask"] = ones(32, 1, ScalarType.Float64),
            ["rejected_mask"] = ones(32, 1, ScalarType.Float64),
            ["chosen_win_rates"] = First(rates),
            ["rejected_win_rates"] = Second(rates),
        };
        var (sampled, table) = (new Egpo(new EgpoOptions()).Compute(batch), Egpo.Tabular(logits, frozen, opponent, preferences, new EgpoTabularOptions()));
        Given.Same(table.Value, sampled.Value);
        Given.Same(table.GradientOf(logits), sampled.GradientOf(logits));
    });

    [Fact]
    public void The_opponent_is_a_constant() => Given.AnyBatch(random =>
    {
        var (reference, preferences) = Table(random);
        var (logits, opponent) = (random.Normal(1, 2, 4).requires_grad_(), random.Normal(1, 2, 4).softmax(-1).requires_grad_());
        var loss = Egpo.Tabular(logits, reference.log(), opponent, preferences, new EgpoTabularOptions());
        Assert.Null(autograd.grad([loss.Value], [opponent], allow_unused: true)[0]);
    });

    private static (Tensor Reference, Tensor Preferences) Table(Random random) =>
        (random.Normal(1, 2, 4).softmax(-1), stack([IpoMdLaws.Game(random, 4), IpoMdLaws.Game(random, 4)]));

    private static PairBatch Rated(Random random)
    {
        var batch = random.Pairs();
        var rows = batch.ChosenMask.shape[0];
        batch.With("chosen_win_rates", random.Normal(1, rows).sigmoid()).With("rejected_win_rates", random.Normal(1, rows).sigmoid());
        return batch;
    }
}
