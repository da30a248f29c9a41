using Plumbline.Plugins.Gpm;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GpmLaws
{
    [Fact]
    public void A_table_is_skew_symmetric_and_its_probabilities_sum_to_1() => Given.AnyBatch(random =>
    {
        var table = Gpm.Table(random.Normal(1, 5, 6), new GpmOptions { Normalize = random.Next(2) == 0 }, random.Normal(1, 3));
        Given.Same(-table.Tensor("scores").t(), table.Tensor("scores"));
        Given.Same(1, table.Tensor("probs") + table.Tensor("probs").t());
        Given.Same(0, table.Tensor("average_scores").sum());
    });

    [Fact]
    public void A_table_holds_the_scores_of_the_pairs() => Given.AnyBatch(random =>
    {
        var (embeddings, gate, options) = (random.Normal(1, 5, 4), random.Normal(1, 2), new GpmOptions());
        var scores = Gpm.Table(embeddings, options, gate).Tensor("scores");
        var (i, j) = (random.Next(5), random.Next(5));
        var pair = Pair(embeddings[i].unsqueeze(0), embeddings[j].unsqueeze(0)).With("gate_logits", gate.unsqueeze(0));
        Given.Same(new Gpm(options).Compute((PreferenceModelBatch)pair).Tensor("scores") / options.Tau, scores[i, j].unsqueeze(0));
    });

    [Fact]
    public void Scaling_an_embedding_changes_nothing_when_normalised() => Given.AnyBatch(random =>
    {
        var (a, b, gpm) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6), new Gpm(new GpmOptions()));
        Given.Same(gpm.Compute(Pair(a, b)).Tensor("scores"), gpm.Compute(Pair(a * (0.1 + random.NextDouble()), b * 7)).Tensor("scores"));
    });

    [Fact]
    public void Turning_a_block_of_both_embeddings_by_one_angle_leaves_the_score() => Given.AnyBatch(random =>
    {
        var (a, b, gpm) = (random.Normal(1, 4, 2), random.Normal(1, 4, 2), new Gpm(new GpmOptions { Normalize = false }));
        var (sin, cos) = Math.SinCos(7 * random.NextDouble());
        var turn = tensor(new[] { cos, sin, -sin, cos }, [2, 2]);
        Given.Same(gpm.Compute(Pair(a, b)).Tensor("scores"), gpm.Compute(Pair(a.matmul(turn), b.matmul(turn))).Tensor("scores"));
    });

    [Fact]
    public void Equal_embeddings_have_loss_log_2() => Given.AnyBatch(random =>
    {
        var same = random.Normal(1, 4, 6);
        Given.Same(Math.Log(2), new Gpm(new GpmOptions { Tau = 0.01 + random.NextDouble() }).Compute(Pair(same, same)).Value);
    });

    [Fact]
    public void With_a_constant_coordinate_it_is_Bradley_Terry() => Given.AnyBatch(random =>
    {
        var (a, b) = (random.Normal(1, 5), random.Normal(1, 5));
        var raw = new Gpm(new GpmOptions { Normalize = false }).Compute(Pair(stack([a, ones_like(a)], 1), stack([b, ones_like(b)], 1)));
        Given.Same(Gpm.OfScores(a, b, new BradleyTerryOptions()).Value, raw.Value);
        Given.Same(a - b, raw.Tensor("scores"));
    });

    [Fact]
    public void Equal_gate_logits_weigh_every_block_alike() => Given.AnyBatch(random =>
    {
        var (a, b, gpm) = (random.Normal(1, 4, 6), random.Normal(1, 4, 6), new Gpm(new GpmOptions()));
        var gated = (PreferenceModelBatch)Pair(a, b).With("gate_logits", full([4, 3], 2.5, dtype: ScalarType.Float64));
        Given.Same(gpm.Compute(Pair(a, b)).Tensor("scores") / 3, gpm.Compute(gated).Tensor("scores"));
    });

    [Fact]
    public void GPO_is_zero_where_the_log_ratios_are_the_scores_over_beta() => Given.AnyBatch(random =>
    {
        var pairs = random.Pairs();
        var options = new GpoOptions { Beta = 0.1 + random.NextDouble() };
        var batch = pairs.But(
            ("chosen_scores", options.Beta * ((pairs.PolicyChosenLogps - pairs.ReferenceChosenLogps) * pairs.ChosenMask).sum(1).detach()),
            ("rejected_scores", options.Beta * ((pairs.PolicyRejectedLogps - pairs.ReferenceRejectedLogps) * pairs.RejectedMask).sum(1).detach()));
        var loss = new Gpo(options).Compute(batch);
        Given.Same(0, loss.Value);
        Given.Same(batch["chosen_scores"], loss.Tensor("chosen_rewards"));
    });

    [Fact]
    public void The_loops_are_told_what_the_model_must_give()
    {
        Assert.Equal((6, 3), (new Gpm(new GpmOptions()).Dimension, new Gpm(new GpmOptions()).GateDimension));
        Assert.Equal((4, 0), (new Gpm(new GpmOptions { Dimension = 4, Gate = false }).Dimension, new Gpm(new GpmOptions { Gate = false }).GateDimension));
        Assert.NotEmpty(new GpmOptions { Dimension = 5 }.Check());
    }

    private static PreferenceModelBatch Pair(Tensor chosen, Tensor rejected) => new() { ["chosen_embeddings"] = chosen, ["rejected_embeddings"] = rejected };
}
