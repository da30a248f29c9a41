using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.Numbers;
using Plumbline.Plugins.SparsePo;
using Plumbline.Plugins.Transformer;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SparsePoLaws
{
    [Fact]
    public void Masks_of_1_or_none_give_token_level_DPO() => Given.AnyBatch(random =>
    {
        var batch = Pairs(random);
        Add(batch, "reward", 1);
        // TDPO: log σ(u - δ), u the difference of log-ratios, δ that of KL terms of the rejected less the chosen answer.
        var (chosen, rejected) = (Terms(batch, "chosen"), Terms(batch, "rejected"));
        var expected = -nn.functional.logsigmoid(0.4 * (chosen.LogRatio - rejected.LogRatio - (rejected.Kl - chosen.Kl))).mean();
        Given.Same(expected, new SparsePo(new SparsePoOptions { Beta = 0.4 }).Compute(batch).Value);
        Given.Same(expected, new SparsePo(new SparsePoOptions { Beta = 0.4, MaskOnReward = false, MaskOnKl = false, L1Reward = 1 }).Compute(batch).Value);
    });

    [Fact]
    public void A_KL_mask_of_0_gives_DPO() => Given.AnyBatch(random =>
    {
        var batch = Pairs(random);
        Add(batch, "reward", 1);
        Add(batch, "kl", 0);
        var dpo = new PairBatch();
        foreach (var side in new[] { "chosen", "rejected" })
        {
            dpo.With($"policy_{side}_logps", Taken(batch, "policy", side)).With($"reference_{side}_logps", Taken(batch, "reference", side)).With(side + "_mask", batch[side + "_mask"]);
        }

        var (mine, theirs) = (new SparsePo(new SparsePoOptions { CommonMask = false }).Compute(batch), new Dpo(new DpoOptions()).Compute(dpo));
        Given.Same(theirs.Value, mine.Value);
        Given.Same(theirs.GradientOf(batch["policy_chosen_logits"]), mine.GradientOf(batch["policy_chosen_logits"]));
    });

    [Fact]
    public void Masks_of_0_leave_log_2_and_nothing_to_learn() => Given.AnyBatch(random =>
    {
        var batch = Pairs(random);
        Add(batch, "reward", 0);
        var loss = new SparsePo(new SparsePoOptions()).Compute(batch);
        Given.Same(Math.Log(2), loss.Value);
        Given.Same(0, loss.GradientOf(batch["policy_chosen_logits"]));
        Given.Same(100, loss.Tensor("sparsity"));
    });

    [Fact]
    public void The_reference_is_a_constant() => Given.AnyBatch(random =>
    {
        var batch = Pairs(random);
        Add(batch, "reward", 0.5);
        var reference = batch["reference_chosen_logits"].requires_grad_();
        Assert.Null(autograd.grad([new SparsePo(new SparsePoOptions()).Compute(batch).Value], [reference], allow_unused: true)[0]);
    });

    [Fact]
    public void An_activation_mask_lies_in_0_to_1_and_reaches_both_where_a_row_has_spread() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(random.Next(1, 5), random.Next(2, 7));
        var tokens = TokenMasks.Activation(random.Normal(3, 1, mask.shape[0], mask.shape[1]), zeros([1], int64), mask);
        Assert.True(tokens.min().ToDouble() >= 0 && tokens.max().ToDouble() <= 1);
        Given.Same(tokens * mask, tokens);
        for (var row = 0; row < mask.shape[0]; row++)
        {
            var length = (long)mask[row].sum().ToDouble();
            var own = tokens[row].narrow(0, 0, length);
            Assert.Equal(1, own.max().ToDouble());
            Assert.Equal(length > 1 ? 0 : 1, own.min().ToDouble());
        }
    });

    [Fact]
    public void The_mean_over_kinds_is_of_the_means_over_their_taps() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(2, 5);
        var taps = random.Normal(1, 3, 2, 5);
        Tensor Alone(int tap) => TokenMasks.Activation(taps.narrow(0, tap, 1), zeros([1], int64), mask);
        Given.Same(((Alone(0) + Alone(2)) / 4) + (Alone(1) / 2), TokenMasks.Activation(taps, tensor(new long[] { 7, 2, 7 }), mask));
    });

    [Fact]
    public void The_learned_mask_is_never_negative_and_sends_no_gradient_to_the_hidden_states() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(2, 4);
        var hidden = random.Normal(1, 3, 2, 4, 6).requires_grad_();
        var weights = random.Normal(1, 3, 6).requires_grad_();
        var loss = (Loss)TokenMasks.Learned(hidden, weights, ones([3], float64), random.Normal(1, 3), ones([6], float64), zeros([6], float64), mask, new LearnedMaskOptions(), random.Normal(1, 2, 4));
        Assert.True(loss.Tensor("token_mask").min().ToDouble() >= 0);
        var gradients = autograd.grad([loss.Value], [hidden, weights], allow_unused: true);
        Assert.Null(gradients[0]);
        Assert.NotNull(gradients[1]);
    });

    [Fact]
    public void The_head_is_made_for_the_models_layers_and_its_masks_are_the_same_on_every_call()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        var objective = new SparsePo(new SparsePoOptions { CommonMask = false, MaskDropout = 0.5 });
        using var state = objective.Begin(model, new Draws(3));
        Assert.Equal(10, state.parameters().Count());
        Assert.Equal([3, 8], state.get_parameter("kl_layer_weights")!.shape);
        var (first, second, later) = (Prepared(0), Prepared(0), Prepared(1));
        Given.Same(first["rejected_kl_mask"], second["rejected_kl_mask"]);
        Assert.True((first["chosen_reward_mask"] - later["chosen_reward_mask"]).abs().max().ToDouble() > 0);
        Assert.True((first["chosen_reward_mask"] - first["chosen_kl_mask"]).abs().max().ToDouble() > 0);

        Batch Prepared(int step)
        {
            var (hidden, mask) = (new Random(1).Normal(1, 3, 2, 5, 8), new Random(2).Mask(2, 5));
            var batch = new PairBatch { ["reference_chosen_hidden_states"] = hidden, ["reference_rejected_hidden_states"] = hidden, ["chosen_mask"] = mask, ["rejected_mask"] = mask };
            objective.Prepare(batch.With("step", step));
            return batch;
        }
    }

    [Fact]
    public void Activations_need_no_head()
    {
        using var model = Model();
        using var state = new SparsePo(new SparsePoOptions { Mask = MaskSource.Activation }).Begin(model, new Draws(3));
        Assert.Empty(state.parameters());
    }

    private static Transformer Model() => new(
        new TransformerOptions { Layers = 2, Width = 8, Heads = 2, ContextLength = 8, Tokenizer = Part<ITokenizer>.Of("numbers", new Numbers(new NumbersOptions { Vocabulary = 5 })) },
        new RunContext { Name = "test", Folder = ".", BaseFolder = ".", Seed = 1, Device = CPU, Dtype = float32 },
        new NoServices());

    private static PairBatch Pairs(Random random)
    {
        var (n, v) = (random.Next(1, 4), random.Next(2, 6));
        var batch = new PairBatch();
        foreach (var side in new[] { "chosen", "rejected" })
        {
            var mask = random.Mask(n, random.Next(1, 6));
            var tokens = tensor(Enumerable.Range(0, (int)mask.numel()).Select(_ => (long)random.Next(v)).ToArray(), mask.shape);
            batch.With($"policy_{side}_logits", random.Normal(1, n, mask.shape[1], v).requires_grad_()).With($"reference_{side}_logits", random.Normal(1, n, mask.shape[1], v))
                .With(side + "_tokens", tokens).With(side + "_mask", mask);
        }

        return batch;
    }

    private static void Add(PairBatch batch, string which, double value)
    {
        foreach (var side in new[] { "chosen", "rejected" })
        {
            batch.With($"{side}_{which}_mask", full_like(batch[side + "_mask"], value));
        }
    }

    private static Tensor Taken(PairBatch batch, string model, string side) =>
        batch[$"{model}_{side}_logits"].log_softmax(-1).take_along_dim(batch[side + "_tokens"].unsqueeze(-1), -1).squeeze(-1) * batch[side + "_mask"];

    private static (Tensor LogRatio, Tensor Kl) Terms(PairBatch batch, string side)
    {
        var (policy, reference) = (batch[$"policy_{side}_logits"].log_softmax(-1), batch[$"reference_{side}_logits"].log_softmax(-1));
        return ((Taken(batch, "policy", side) - Taken(batch, "reference", side)).sum(1), ((reference.exp() * (reference - policy)).sum(-1) * batch[side + "_mask"]).sum(1));
    }

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
