using Plumbline.Plugins.IpoMd;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class IpoMdLaws
{
    [Fact]
    public void A_soft_label_of_one_is_the_hard_label() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var objective = new IpoMd(new IpoMdOptions { Tau = 0.05 + random.NextDouble(), LengthNormalized = random.Next(2) == 0 });
        var soft = batch.But(("preference", ones(Rows(batch), ScalarType.Float64)));
        Given.Same(objective.Compute(batch).Tensor("losses"), objective.Compute(soft).Tensor("losses"));
    });

    [Fact]
    public void A_soft_label_has_the_expected_gradient_of_hard_labels_drawn_with_its_probability() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var objective = new IpoMd(new IpoMdOptions { Tau = 0.1 + random.NextDouble() });
        var p = random.NextDouble();
        var soft = batch.But(("preference", full(Rows(batch), p, ScalarType.Float64)));
        var gradient = objective.Compute(soft).GradientOf(batch.PolicyChosenLogps);
        var won = objective.Compute(batch).GradientOf(batch.PolicyChosenLogps);
        var lost = objective.Compute(Swapped(batch)).GradientOf(batch.PolicyChosenLogps);
        Given.Same((p * won) + ((1 - p) * lost), gradient);
    });

    [Fact]
    public void A_margin_of_half_the_inverse_of_tau_is_the_minimum() => Given.AnyBatch(random =>
    {
        var tau = 0.1 + random.NextDouble();
        var batch = random.Pairs();
        var (chosen, rejected) = PairLogRatios.Of(batch);
        var moved = batch.PolicyChosenLogps.detach().clone();
        moved.select(1, 0).add_((1 / (2 * tau)) - (chosen - rejected).detach());
        var best = batch.But(("policy_chosen_logps", moved.requires_grad_()));
        var loss = new IpoMd(new IpoMdOptions { Tau = tau }).Compute(best);
        Given.Same(0, loss.Value);
        Given.Same(0, loss.GradientOf(best.PolicyChosenLogps));
    });

    [Fact]
    public void A_mixture_is_normalised_and_its_ends_are_policy_and_reference() => Given.AnyBatch(random =>
    {
        var (policy, reference) = (random.Normal(2, 3, 5), random.Normal(2, 3, 5));
        Given.Same(policy.log_softmax(-1), GeometricMixture.Logps(policy, reference, 0));
        Given.Same(reference.log_softmax(-1), GeometricMixture.Logps(policy, reference, 1));
        Given.Same(1, GeometricMixture.Logps(policy, reference, random.NextDouble()).exp().sum(-1));
    });

    [Fact]
    public void Online_ipo_is_self_play_its_expected_gradient_is_four_over_tau_times_that_of_nash_md() => Given.AnyBatch(random =>
    {
        var (policy, reference, preference) = (random.Normal(1, 5), random.Normal(1, 5), Game(random, 5));
        var tau = 0.1 + random.NextDouble();
        var gradients = NashMd.ExpectedGradients(policy, reference, preference, new ExpectedGradientsOptions { Tau = tau });
        Given.Same(4 / tau * gradients.Tensor("nash_gradient"), gradients.Tensor("ipo_gradient"));
    });

    [Fact]
    public void The_stationary_point_with_a_mixture_is_the_equilibrium_of_a_weaker_pull() => Given.AnyBatch(random =>
    {
        var (reference, preference) = (random.Normal(1, 4), Game(random, 4));
        var (tau, mixture) = (0.4 + random.NextDouble(), 0.5 * random.NextDouble());
        // log π = log μ + P(· beats π_β)/τ, where π_β is the equilibrium for τ/(1-β).
        var equilibrium = RegularizedGame.Equilibrium(reference.softmax(-1), preference, tau / (1 - mixture), 1e-13);
        var policy = reference.log_softmax(-1) + (Preferences.Against(preference, equilibrium) / tau);
        var gradients = NashMd.ExpectedGradients(policy, reference, preference, new ExpectedGradientsOptions { Tau = tau, Mixture = mixture });
        Given.Same(0, gradients.Tensor("ipo_gradient"));
        Given.Same(equilibrium, GeometricMixture.Logps(policy, reference, mixture).exp());
    });

    [Fact]
    public void The_equilibrium_is_a_fixed_point_of_its_own_equation() => Given.AnyBatch(random =>
    {
        var (reference, preference) = (random.Normal(1, 6).softmax(-1), Game(random, 6));
        var tau = 0.15 + random.NextDouble();
        var equilibrium = RegularizedGame.Equilibrium(reference, preference, tau, 1e-12);
        Given.Same(equilibrium, (reference.log() + (Preferences.Against(preference, equilibrium) / tau)).softmax(-1));
    });

    [Fact]
    public void In_an_even_game_nash_md_goes_to_the_reference() => Given.AnyBatch(random =>
    {
        var (policy, reference) = (random.Normal(1, 5), random.Normal(1, 5));
        var step = NashMd.Step(policy, reference, full([5, 5], 0.5, ScalarType.Float64), new NashMdStepOptions { Tau = 1, Eta = 0.5, Iterations = 60 });
        Given.Same(reference.softmax(-1), step.Tensor("probabilities"));
        Given.Same(0, step.Tensor("residual"));
    });

    [Fact]
    public void The_policy_gradients_objective_is_the_function_on_the_first_answers() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var preference = random.Normal(1, Rows(batch)).sigmoid();
        var options = new NashMdPgOptions { Tau = random.NextDouble() };
        var loss = new NashMd(options).Compute(batch.But(("preference", preference)));
        Given.Same(NashMd.PolicyGradient(batch.PolicyChosenLogps, batch.ReferenceChosenLogps, batch.ChosenMask, preference, options).Value, loss.Value);
        // dL/dlogps = -A/B at the answer's tokens.
        Given.Same(-(loss.Tensor("advantages").unsqueeze(1) * batch.ChosenMask) / Rows(batch), loss.GradientOf(batch.PolicyChosenLogps));
    });

    [Fact]
    public void Preferences_that_do_not_sum_to_one_with_their_transpose_are_refused() => Assert.Contains(
        "preference",
        Assert.Throws<InvalidInputException>(() => NashMd.Step(zeros(3), zeros(3), full([3, 3], 0.6), new NashMdStepOptions())).Message,
        StringComparison.Ordinal);

    /// <summary>[k,k] an intransitive preference.</summary>
    internal static Tensor Game(Random random, long k)
    {
        var c = random.Normal(2, k, k);
        return (c - c.transpose(0, 1)).sigmoid();
    }

    private static long Rows(PairBatch batch) => batch.ChosenMask.shape[0];

    private static PairBatch Swapped(PairBatch batch) => new(batch.Names.Select(name => KeyValuePair.Create(
        name.Contains("chosen", StringComparison.Ordinal) ? name.Replace("chosen", "rejected", StringComparison.Ordinal) : name.Replace("rejected", "chosen", StringComparison.Ordinal), (object)batch[name])));
}
