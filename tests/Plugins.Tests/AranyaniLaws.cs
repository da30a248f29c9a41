using Plumbline.Plugins.Aranyani;
using Plumbline.Training.Decisions;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class AranyaniLaws
{
    private const int Inputs = 3;
    private const int Nodes = 7;

    [Fact]
    public void The_leaves_of_an_instance_share_all_probability() => Given.AnyBatch(random =>
        Given.Same(1, Aranyani.Tree(random.Normal(1, 5, Inputs), random.Normal(2, Inputs, Nodes), random.Normal(1, Nodes), random.Normal(1, Nodes + 1, 2)).Tensor("leaf_probabilities").sum(1)));

    [Fact]
    public void Equal_leaves_predict_the_same_everywhere() => Given.AnyBatch(random =>
    {
        var theta = random.Normal(1, 1, 3);
        var predictions = Aranyani.Tree(random.Normal(1, 5, Inputs), random.Normal(2, Inputs, Nodes), random.Normal(1, Nodes), theta.expand(Nodes + 1, -1)).Tensor("predictions");
        Given.Same(theta.softmax(1).expand(5, -1), predictions);
    });

    [Fact]
    public void Without_lambda_or_a_gap_there_is_no_fairness_gradient() => Given.AnyBatch(random =>
    {
        var (decisions, gradients) = (random.Normal(1, 2, Nodes).sigmoid(), random.Normal(1, 2, Inputs, Nodes));
        Given.Same(0, Fair(decisions, gradients, new AranyaniOptions { Lambda = 0 }));
        Given.Same(0, Fair(decisions.select(0, 0).expand(2, -1), gradients, new AranyaniOptions()));
    });

    [Fact]
    public void The_names_of_the_groups_do_not_matter() => Given.AnyBatch(random =>
    {
        var (decisions, gradients) = (random.Normal(1, 2, Nodes).sigmoid(), random.Normal(1, 2, Inputs, Nodes));
        Assert.All(Enum.GetValues<HuberTail>(), tail =>
        {
            var options = new AranyaniOptions { HuberDelta = 0.1, Tail = tail };
            Given.Same(Fair(decisions, gradients, options), Fair(decisions.flip(0), gradients.flip(0), options));
        });
    });

    [Fact]
    public void A_vanilla_aggregate_is_the_mean_of_its_group() => Given.AnyBatch(random =>
    {
        var (values, groups) = (random.Normal(1, 8, 4), Groups(random));
        var aggregates = Aranyani.Aggregate(values, groups, new AggregateOptions()).Tensor("aggregates");
        for (var group = 0; group < 2; group++)
        {
            Given.Same(values.index_select(0, groups.eq(group).nonzero().squeeze(1)).mean([0]), aggregates[group]);
        }
    });

    [Fact]
    public void At_fixed_weights_it_is_the_gradient_of_the_gaps_between_mean_decisions() => Given.AnyBatch(random =>
    {
        var (features, groups) = (random.Normal(1, 8, Inputs), Groups(random));
        var (weight, bias) = (random.Normal(1, Inputs, Nodes).requires_grad_(), random.Normal(1, Nodes).requires_grad_());
        var decisions = Aranyani.Tree(features, weight, bias, zeros([Nodes + 1, 2], float64)).Tensor("node_decisions");
        var zero = groups.eq(0).to_type(float64).unsqueeze(1);
        var gaps = ((decisions * (1 - zero)).sum([0]) / (1 - zero).sum()) - ((decisions * zero).sum([0]) / zero.sum());
        var expected = autograd.grad([gaps.abs().sum()], [weight, bias]);

        var own = (decisions * (1 - decisions)).detach();
        var means = Aranyani.Aggregate(decisions.detach(), groups, new AggregateOptions()).Tensor("aggregates");
        var options = new AranyaniOptions { Lambda = 1, HuberDelta = 1e-12 };
        Given.Same(expected[0]!, Fair(means, Aranyani.Aggregate(features.unsqueeze(2) * own.unsqueeze(1), groups, new AggregateOptions()).Tensor("aggregates"), options));
        Given.Same(expected[1]!, Fair(means, Aranyani.Aggregate(own, groups, new AggregateOptions()).Tensor("aggregates"), options));
    });

    [Fact]
    public void The_loss_and_the_gradient_beside_it_are_the_online_step_for_every_tree() => Given.AnyBatch(random =>
    {
        const int trees = 2;
        var (objective, options) = (new Aranyani(new AranyaniOptions { Lambda = 2 }), new AranyaniOptions { Lambda = 2 });
        using var state = objective.Begin(null, new Draws(1));
        Tensor[] weights = [random.Normal(1, trees, Inputs, Nodes).requires_grad_(), random.Normal(1, trees, Nodes).requires_grad_(), random.Normal(1, trees, Nodes + 1, 2).requires_grad_()];
        Tensor[][] kept = [.. Enumerable.Range(0, trees).Select(_ => new[] { zeros(2, int64), zeros([2, Nodes], float64), zeros([2, Inputs, Nodes], float64), zeros([2, Nodes], float64) })];
        for (var step = 0; step < 4; step++)
        {
            var batch = new StreamBatch
            {
                ["features"] = random.Normal(1, 1, Inputs), ["targets"] = tensor(new[] { random.Next(2) }).to_type(int64), ["groups"] = tensor(new[] { step % 2 }).to_type(int64),
                ["weight"] = weights[0], ["bias"] = weights[1], ["theta"] = weights[2],
            };
            objective.Prepare(batch);
            var loss = objective.Compute(batch);
            var fair = objective.Gradients(batch, loss);
            for (var tree = 0; tree < trees; tree++)
            {
                var alone = Aranyani.OnlineStep(
                    batch.Features[0], (int)batch.Targets[0].ToInt64(), step % 2, weights[0][tree], weights[1][tree], weights[2][tree], kept[tree][0], kept[tree][1], kept[tree][2], kept[tree][3], options);
                kept[tree] = [alone.Tensor("counts"), alone.Tensor("mean_decisions"), alone.Tensor("mean_weight_gradients"), alone.Tensor("mean_bias_gradients")];
                var plain = Aranyani.OnlineStep(
                    batch.Features[0], (int)batch.Targets[0].ToInt64(), step % 2, weights[0][tree], weights[1][tree], weights[2][tree], zeros(2, int64), kept[tree][1], kept[tree][2], kept[tree][3], options);
                Given.Same(alone.Tensor("weight_gradient") - plain.Tensor("weight_gradient"), fair["weight"][tree]);
                Given.Same(alone.Tensor("bias_gradient") - plain.Tensor("bias_gradient"), fair["bias"][tree]);
            }

            using (no_grad())
            {
                objective.Finish(batch, loss);
            }
        }
    });

    private static Tensor Fair(Tensor decisions, Tensor gradients, AranyaniOptions options) => Aranyani.FairnessGradient(decisions, gradients, options).Tensor("gradient");

    /// <summary>[8] both groups occur.</summary>
    private static Tensor Groups(Random random) => random.GroupIds(2, 4).gt(0).to_type(int64);
}
