using Plumbline.Plugins.Transformer;
using Plumbline.Training;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>Prompts that run once for all their completions: the same numbers as each row on its own.</summary>
public sealed class SharedPrefixTests
{
    /// <summary>Three prompts, two of them shared, rows mixed; ragged, among them answers of one token, of which nothing is read.</summary>
    private static readonly PromptedSequence[] Mixed =
    [
        new([12, 0, 1, 5, 5, 2], [2, 3, 4, 10]),
        new([12, 4], [5, 10]),
        new([12, 0, 1, 5, 5, 2], [7]),
        new([12, 6, 7, 8, 9], [0, 0, 10]),
        new([12, 4], [5, 6, 7, 8, 9, 10]),
        new([12, 0, 1, 5, 5, 2], [2, 3, 4, 9, 9, 9, 9, 10]),
        new([12, 4], [1]),
    ];

    /// <summary>Dtype, heads, key heads, and what may differ.</summary>
    public static TheoryData<ScalarType, int, int?, double> Shapes => new()
    {
        { ScalarType.Float64, 2, null, 1e-11 }, { ScalarType.Float64, 4, 2, 1e-11 }, { ScalarType.Float32, 2, null, 2e-5 }, { ScalarType.Float32, 4, 2, 2e-5 }, { ScalarType.Float32, 4, 1, 2e-5 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Shared_and_repeated_prompts_give_the_same_scores_and_gradients(ScalarType dtype, int heads, int? kvHeads, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var model = Tiny.NewModel(Tiny.NewRun(3, dtype), options => options with { Heads = heads, KvHeads = kvHeads });
        var (repeated, shared) = (Everything(model, SharedPrefixMode.Off), Everything(model, SharedPrefixMode.On));
        Same(repeated, shared, tolerance);
        using var plainly = Kernels.Plain();
        Same(repeated, Everything(model, SharedPrefixMode.On), tolerance);
    }

    [Fact]
    public void In_bfloat16_they_agree_to_its_rounding()
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        using var model = Tiny.NewModel(Tiny.NewRun(3, ScalarType.BFloat16));
        var (repeated, shared) = (new SequenceScorer(model, 1, SharedPrefixMode.Off).Score(Mixed).Logps, new SequenceScorer(model, 1, SharedPrefixMode.On).Score(Mixed).Logps);
        Assert.InRange((repeated - shared).abs().max().ToDouble(), 0, 0.1);
    }

    [Fact]
    public void Values_of_a_critic_are_the_same_too()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny.NewModel(Tiny.NewRun(3, ScalarType.Float64));
        static Tensor Critic(Tensor states) => states.sum(-1);
        var repeated = new SequenceScorer(model, 1, SharedPrefixMode.Off).Values(Mixed, Critic);
        Assert.InRange((repeated - new SequenceScorer(model, 1, SharedPrefixMode.On).Values(Mixed, Critic)).abs().max().ToDouble(), 0, 1e-12);
        Assert.InRange((repeated - new SequenceScorer(model, 1, SharedPrefixMode.On).Score(Mixed, critic: Critic).Values!).abs().max().ToDouble(), 0, 1e-12);
    }

    [Fact]
    public void A_sequence_too_long_for_the_model_is_refused_as_ever()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny.NewModel(Tiny.NewRun(3));
        PromptedSequence[] long25 = [new([.. new int[20]], [1]), new([.. new int[20]], [1, 2, 3, 4, 5, 6])];
        Assert.Contains("25 tokens", Assert.Throws<PlumblineException>(() => new SequenceScorer(model, 1, SharedPrefixMode.On).Score(long25)).Message, StringComparison.Ordinal);
        Assert.Contains("25 tokens", Assert.Throws<PlumblineException>(() => new SequenceScorer(model, 1, SharedPrefixMode.Off).Score(long25)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SharedPrefixMode.Auto, 16, 3, true)]
    [InlineData(SharedPrefixMode.Auto, 1, 22, false)]
    [InlineData(SharedPrefixMode.On, 1, 22, true)]
    [InlineData(SharedPrefixMode.Off, 16, 3, false)]
    public void Prompts_are_shared_where_the_mode_says_or_it_saves_tokens(SharedPrefixMode mode, int prompt, int completion, bool packs)
    {
        using var model = new Counting(Tiny.NewModel(Tiny.NewRun(3)));
        using var scope = NewDisposeScope();
        PromptedSequence[] group = [.. Enumerable.Range(0, 4).Select(i => new PromptedSequence(new int[prompt], [.. Enumerable.Repeat(i, completion)]))];
        new SequenceScorer(model, 1, mode).Score(group);
        Assert.Equal(packs ? (1, 0) : (0, 1), (model.Packed, model.Padded));
        if (packs)
        {
            Assert.Equal(prompt + (4 * (completion - 1)), model.Read);
        }
    }

    [Theory]
    [InlineData(CriticKind.Head)]
    [InlineData(CriticKind.Network)]
    public void An_actor_critic_learns_the_same_weights_either_way(CriticKind kind) => AgreeOnWeights((tiny, mode) => new ActorCritic(
        new ActorCriticOptions
        {
            Objective = Part<ActorCriticObjective>.Of("actor-critic-loss", new ActorCriticLoss()),
            TokenReward = Part<ITokenReward>.Of("score-at-end", new ScoreAtEnd()),
            Advantage = Part<ITokenAdvantage>.Of("rewards-to-come", new RewardsToCome()),
            Critic = kind,
            Rewards = [Scoring.LikesA],
            Sampler = Tiny.Sampler(),
            Data = Tiny.Words(),
            Steps = 2,
            PromptsPerStep = 4,
            Minibatches = 2,
            LearningRate = 0.01,
            SharedPrefix = mode,
        }, tiny.Stage));

    [Fact]
    public void Groups_learn_the_same_weights_either_way_reference_and_entropies_included() => AgreeOnWeights((tiny, mode) => new OnlineGroups(
        new OnlineGroupsOptions
        {
            Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient(Needs.Reference | Needs.Entropies)),
            Rewards = [Scoring.LikesA],
            Sampler = Tiny.Sampler(),
            Data = Tiny.Words(),
            Steps = 2,
            PromptsPerStep = 4,
            Minibatches = 2,
            EpochsPerBatch = 2,
            LearningRate = 0.01,
            SharedPrefix = mode,
        }, tiny.Stage));

    [Fact]
    public void Without_a_shared_prompt_nothing_is_packed_of_itself()
    {
        using var model = new Counting(Tiny.NewModel(Tiny.NewRun(3)));
        using var scope = NewDisposeScope();
        new SequenceScorer(model).Score([new([1, 2, 3, 4, 5, 6, 7, 8], [1]), new([1, 2, 3, 4, 5, 6, 7], [1]), new([2, 2, 3, 4, 5, 6, 7, 8], [1])]);
        Assert.Equal((0, 1), (model.Packed, model.Padded));
    }

    [Fact]
    public void A_model_that_can_not_is_refused_where_sharing_is_asked_for_and_else_goes_the_ordinary_way()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var unable = new Watched(tiny.Policy);
        Assert.Contains("shared_prefix", Assert.Throws<PlumblineException>(() => new SequenceScorer(unable, 1, SharedPrefixMode.On)).Message, StringComparison.Ordinal);
        new SequenceScorer(unable).Score(Mixed);
        Assert.Single(unable.Reads);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_row_whose_suffix_is_shorter_than_the_others_has_finite_gradients(bool fused)
    {
        using var plainly = fused ? null : Kernels.Plain();
        using var scope = NewDisposeScope();
        Tensor New(int heads) => (randn([heads, 10, 4]) * 50).requires_grad_();
        var (q, k, v) = (New(4), New(2), New(2));
        var attended = Kernels.PackedAttention(q, k, v, [new PackedGroup(2, [0, 5, 1]), new PackedGroup(1, [1])]);
        attended.sum().backward();
        Assert.All(new[] { attended, q.grad!, k.grad!, v.grad! }, x => Assert.True(x.isfinite().all().ToBoolean()));
    }

    private static void AgreeOnWeights(Func<Tiny, SharedPrefixMode, ILoop> loop)
    {
        using var repeated = new Tiny(dtype: ScalarType.Float64);
        using var shared = new Tiny(dtype: ScalarType.Float64, wrap: model => new Counting((Transformer)model));
        var before = repeated.Weights;
        loop(repeated, SharedPrefixMode.Off).Run(CancellationToken.None);
        loop(shared, SharedPrefixMode.On).Run(CancellationToken.None);
        Assert.True(((Counting)shared.Policy).Packed > 0 && ((Counting)shared.Policy).Padded == 0);
        Assert.True(before.Zip(repeated.Weights, (a, b) => Math.Abs(a - b)).Max() > 1e-3);
        Assert.InRange(repeated.Weights.Zip(shared.Weights, (a, b) => Math.Abs(a - b)).Max(), 0, 1e-9);
    }

    private static void Same(List<Tensor> expected, List<Tensor> actual, double tolerance)
    {
        Assert.Equal(expected.Count, actual.Count);
        foreach (var (wanted, found) in expected.Zip(actual))
        {
            Assert.Equal(wanted.shape, found.shape);
            Assert.Equal(wanted.dtype, found.dtype);
            Assert.InRange((wanted - found).abs().max().ToDouble(), 0, tolerance * (1 + wanted.abs().max().ToDouble()));
        }
    }

    /// <summary>Scores of every kind, then the gradients of a weighted sum of them.</summary>
    private static List<Tensor> Everything(Transformer model, SharedPrefixMode mode)
    {
        var scored = new SequenceScorer(model, 0.8, mode).Score(Mixed, Needs.Entropies | Needs.Logits, states => states.sum(-1));
        Tensor[] outputs = [scored.Logps, scored.Entropies!, scored.Values!, scored.Logits!];
        var sum = outputs.Select(output => (output * arange(output.numel()).reshape(output.shape).to_type(output.dtype).sin()).sum()).Aggregate((a, b) => a + b);
        var gradients = autograd.grad([sum], [.. model.Network.parameters()]);
        return [.. outputs.Select(output => output.detach()), scored.Mask, .. gradients.Select(gradient => gradient!)];
    }

    /// <summary>Counts how it is read.</summary>
    private sealed class Counting(Transformer model) : ISharedPrefixModel
    {
        internal int Packed { get; private set; }

        internal int Padded { get; private set; }

        internal long Read { get; private set; }

        public nn.Module Network => model.Network;

        public ITokenizer Tokenizer => model.Tokenizer;

        public int ContextLength => model.ContextLength;

        public int Width => model.Width;

        public Tensor Hidden(PackedSequences packed)
        {
            Packed++;
            Read += packed.Tokens.shape[0];
            return model.Hidden(packed);
        }

        public Tensor Hidden(Tensor tokens)
        {
            Padded++;
            return model.Hidden(tokens);
        }

        public Tensor Logits(Tensor hidden) => model.Logits(hidden);

        public IKeyValueCache NewCache(int rows, int capacity) => model.NewCache(rows, capacity);

        public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache) => model.Prefill(tokens, lengths, cache);

        public Tensor Decode(Tensor tokens, IKeyValueCache cache) => model.Decode(tokens, cache);

        public IModel Freeze() => model.Freeze();

        public void Dispose() => model.Dispose();
    }
}
