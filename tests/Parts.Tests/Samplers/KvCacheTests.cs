using System.Text.Json.Nodes;
using Plumbline.Plugins.KvCache;
using Plumbline.Training;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class KvCacheTests : IDisposable
{
    private readonly Tiny _tiny = new();

    public void Dispose() => _tiny.Dispose();

    [Fact]
    public void The_members_of_a_group_differ()
    {
        var group = Sample(new() { MaxNewTokens = 12 }, Request(0, count: 8));
        Assert.Equal(Enumerable.Range(0, 8), group.Select(rollout => rollout.Sample));
        Assert.Equal(8, group.Select(rollout => string.Join(' ', rollout.Completion)).Distinct().Count());
    }

    [Fact]
    public void Rollouts_come_in_the_order_of_the_requests_with_what_they_were_asked_by()
    {
        var rollouts = Sample(new(), Request(3, count: 2), Request(1, count: 3));
        Assert.Equal([3, 3, 1, 1, 1], rollouts.Select(rollout => rollout.GroupId));
        Assert.All(rollouts, rollout => Assert.Equal(Prompts[rollout.GroupId], rollout.Prompt));
        Assert.All(rollouts, rollout => Assert.Equal(rollout.GroupId, rollout.Example.Index));
        Assert.All(rollouts, rollout => Assert.Equal(new Letters().Decode(rollout.Completion), rollout.Text));
    }

    [Fact]
    public void A_rows_samples_do_not_change_with_its_batch_mates()
    {
        var together = Sample(new(), Request(0), Request(1), Request(2), Request(3), Request(4));
        for (var prompt = 0; prompt < 5; prompt++)
        {
            Same(together.Where(rollout => rollout.GroupId == prompt), Sample(new(), Request(prompt)));
        }

        Same(together.Where(rollout => rollout.GroupId is 1 or 4), Sample(new(), Request(1), Request(4)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(100)]
    public void The_size_of_a_chunk_changes_no_sample(int rows) =>
        Same(Sample(new(), Request(0), Request(1), Request(2)), Sample(new() { ChunkRows = rows }, Request(0), Request(1), Request(2)));

    [Fact]
    public void The_number_asked_for_does_not_change_the_first_ones() =>
        Same(Sample(new(), Request(2, count: 8)).Take(3), Sample(new(), Request(2, count: 3)));

    [Fact]
    public void Plain_kernels_draw_the_same_tokens()
    {
        var fused = Sample(new() { TopP = 0.9 }, Request(0), Request(1), Request(2));
        using var plainly = Kernels.Plain();
        Same(fused, Sample(new() { TopP = 0.9 }, Request(0), Request(1), Request(2)));
    }

    [Fact]
    public void The_engines_own_random_state_plays_no_part()
    {
        manual_seed(1);
        var first = Sample(new(), Request(0));
        manual_seed(2);
        Same(first, Sample(new(), Request(0)));
    }

    [Fact]
    public void Other_draws_give_other_samples()
    {
        var other = Request(0) with { Draws = new Draws(1234) };
        Assert.NotEqual(
            Sample(new(), Request(0)).SelectMany(rollout => rollout.Completion),
            Sample(new(), other).SelectMany(rollout => rollout.Completion));
    }

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.7, 0, 1.0)]
    [InlineData(1.0, 3, 1.0)]
    [InlineData(1.0, 0, 0.6)]
    [InlineData(0.7, 4, 0.9)]
    [InlineData(0.0, 0, 1.0)]
    public void Recorded_log_probabilities_are_a_forward_passes_before_any_filter(double temperature, int topK, double topP)
    {
        var rollouts = Sample(new() { Temperature = temperature, TopK = topK, TopP = topP, MaxNewTokens = 12 }, Request(0), Request(1), Request(2), Request(3), Request(4));
        using var scope = NewDisposeScope();
        var scored = new SequenceScorer(_tiny.Policy, temperature).Score([.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))]);
        for (var row = 0; row < rollouts.Count; row++)
        {
            Assert.Equal(rollouts[row].Completion.Length, rollouts[row].Logps.Length);
            for (var t = 0; t < rollouts[row].Logps.Length; t++)
            {
                Assert.Equal(scored.Logps[row, t].ToDouble(), rollouts[row].Logps[t], 1e-4);
            }
        }
    }

    [Fact]
    public void Among_one_likeliest_token_sampling_is_greedy()
    {
        var greedy = Sample(new() { Temperature = 0 }, Request(0), Request(1));
        Assert.Equal(
            greedy.Select(rollout => rollout.Text),
            Sample(new() { TopK = 1 }, Request(0), Request(1)).Select(rollout => rollout.Text));
        // And every member of a group is the same.
        Assert.Single(greedy.Where(rollout => rollout.GroupId == 0).Select(rollout => rollout.Text).Distinct());
    }

    [Fact]
    public void Tokens_are_drawn_as_often_as_the_model_says()
    {
        const int Count = 6000;
        var drawn = Sample(new() { MaxNewTokens = 1 }, Request(0, Count)).Select(rollout => rollout.Completion[0]).ToArray();
        using var scope = NewDisposeScope();
        var prompt = tensor(Prompts[0].Select(token => (long)token).ToArray(), [1, Prompts[0].Length]);
        var expected = _tiny.Policy.Logits(_tiny.Policy.Hidden(prompt))[0, Prompts[0].Length - 1].softmax(-1).detach().data<float>().ToArray();
        // Chi-square over 13 tokens: 12 degrees of freedom, 99.9 % below 32.9.
        Assert.InRange(expected.Select((p, token) => Math.Pow(drawn.Count(one => one == token) - (Count * p), 2) / (Count * p)).Sum(), 0, 32.9);
    }

    [Fact]
    public void Among_the_likeliest_three_no_other_is_drawn()
    {
        var drawn = Sample(new() { MaxNewTokens = 1, TopK = 3 }, Request(0, 500)).Select(rollout => rollout.Completion[0]).Distinct();
        Assert.Equal(3, drawn.Count());
    }

    [Fact]
    public void A_completion_ends_with_the_end_token_or_is_truncated_at_the_longest_length()
    {
        var rollouts = Sample(new() { MaxNewTokens = 6 }, Request(0, 30), Request(2, 30));
        Assert.All(rollouts, rollout =>
        {
            Assert.InRange(rollout.Completion.Length, 1, 6);
            Assert.DoesNotContain(10, rollout.Completion[..^1]);
            Assert.Equal(rollout.Completion[^1] != 10, rollout.Truncated);
            Assert.True(!rollout.Truncated || rollout.Completion.Length == 6);
        });
        Assert.Contains(rollouts, rollout => rollout.Truncated);
        Assert.Contains(rollouts, rollout => !rollout.Truncated && rollout.Completion.Length < 6);
    }

    [Fact]
    public void A_row_that_fills_the_context_ends_and_the_others_go_on()
    {
        // Nothing else ends early, so the batch is not made smaller on that account.
        using var model = Tiny.NewModel(_tiny.Run, options => options with { Tokenizer = Part<ITokenizer>.Of("endless", new Endless()) });
        var longest = Request(0) with { Prompt = [12, .. Enumerable.Repeat(3, 21)], GroupId = 9, Count = 1 };
        var others = Enumerable.Range(1, 4).Select(prompt => Request(prompt, count: 2)).ToArray();
        var sampler = new KvCache(new() { MaxNewTokens = 12 });
        var rollouts = sampler.Sample(model, [longest, .. others], CancellationToken.None);
        Assert.Equal([2, .. Enumerable.Repeat(12, 8)], rollouts.Select(rollout => rollout.Completion.Length));
        Assert.All(rollouts, rollout => Assert.True(rollout.Truncated));
        Same(rollouts.Skip(1), sampler.Sample(model, others, CancellationToken.None));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(5)]
    public void Windows_one_after_the_other_give_the_completion_of_one_go(int window)
    {
        var whole = Sample(new() { MaxNewTokens = 12 }, Request(0, count: 1), Request(1, count: 1), Request(2, count: 1), Request(4, count: 1));
        var requests = Enumerable.Range(0, 5).Where(prompt => prompt != 3).Select(prompt => Request(prompt, count: 1) with { Window = window }).ToList();
        var finished = new List<Rollout>();
        for (var round = 1; requests.Count > 0; round++)
        {
            var rollouts = Sample(new() { MaxNewTokens = 12 }, [.. requests]);
            Assert.All(rollouts, rollout => Assert.True(rollout.Completion.Length == round * window || !rollout.Unfinished));
            Assert.All(rollouts, rollout => Assert.False(rollout.Unfinished && rollout.Truncated));
            finished.AddRange(rollouts.Where(rollout => !rollout.Unfinished));
            requests = [.. requests.Zip(rollouts).Where(pair => pair.Second.Unfinished).Select(pair => pair.First with { Begun = pair.Second.Completion, BegunLogps = pair.Second.Logps })];
        }

        Same(whole, finished.OrderBy(rollout => rollout.GroupId));
        Assert.Equal(whole.Select(rollout => rollout.Truncated), finished.OrderBy(rollout => rollout.GroupId).Select(rollout => rollout.Truncated));
    }

    [Fact]
    public void What_a_completion_began_with_stays_as_it_was_recorded()
    {
        var begun = Request(0) with { Begun = [1, 2], BegunLogps = [-7, -8], Window = 1 };
        Assert.All(Sample(new(), begun), rollout =>
        {
            Assert.Equal([1, 2], rollout.Completion[..2]);
            Assert.Equal([-7, -8], rollout.Logps[..2]);
            Assert.Equal(3, rollout.Completion.Length);
        });
    }

    [Fact]
    public void A_prompts_own_longest_length_ends_its_completions()
    {
        var rollouts = Sample(new() { MaxNewTokens = 12 }, Request(0) with { Longest = 2 }, Request(1) with { Longest = 100 });
        Assert.All(rollouts, rollout => Assert.InRange(rollout.Completion.Length, 1, rollout.GroupId == 0 ? 2 : 12));
        Assert.All(rollouts, rollout => Assert.False(rollout.Unfinished));
        Assert.Contains(rollouts, rollout => rollout.GroupId == 0 && rollout.Truncated);
    }

    [Fact]
    public void A_completion_that_has_its_longest_length_cannot_go_on() => Assert.Contains(
        "can't go on",
        Assert.Throws<PlumblineException>(() => Sample(new() { MaxNewTokens = 2 }, Request(0) with { Begun = [1, 2], BegunLogps = [-1, -1] })).Message,
        StringComparison.Ordinal);

    [Fact]
    public void A_prompt_that_leaves_no_room_is_refused_in_words()
    {
        var request = Request(0) with { Prompt = [.. Enumerable.Repeat(3, 24)] };
        Assert.Contains("a prompt of 24 tokens leaves no room for an answer in the model's context_length of 24", Assert.Throws<PlumblineException>(() => Sample(new(), request)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nothing_asked_for_is_nothing_sampled()
    {
        Assert.Empty(Sample(new()));
        Assert.Empty(Sample(new(), Request(0, count: 0)));
    }

    [Fact]
    public void A_cancelled_sampling_throws_and_leaves_no_tensor_alive()
    {
        Sample(new(), Request(0));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = torch.Tensor.TotalCount;
        using var source = new CancellationTokenSource();
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => new KvCache(new()).Sample(_tiny.Policy, [Request(0), Request(1)], source.Token));
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void Sampling_leaves_no_tensor_alive()
    {
        Sample(new(), Request(0));
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var before = torch.Tensor.TotalCount;
        Sample(new() { ChunkRows = 3 }, Request(0), Request(1), Request(2));
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    private static readonly int[][] Prompts = [[12, 0, 1], [12, 5], [12, 6, 7, 8, 9, 0], [12], [12, 4, 4]];

    private IReadOnlyList<Rollout> Sample(KvCacheOptions options, params SamplingRequest[] requests) =>
        new KvCache(options).Sample(_tiny.Policy, requests, CancellationToken.None);

    private static SamplingRequest Request(int prompt, int count = 4) =>
        new(new Example(prompt, new JsonObject()), prompt, Prompts[prompt], count, new Draws(7).Key(prompt));

    private static void Same(IEnumerable<Rollout> expected, IEnumerable<Rollout> actual)
    {
        Assert.Equal(
            expected.Select(rollout => (rollout.GroupId, rollout.Sample, string.Join(' ', rollout.Completion))),
            actual.Select(rollout => (rollout.GroupId, rollout.Sample, string.Join(' ', rollout.Completion))));
        Assert.All(
            expected.SelectMany(rollout => rollout.Logps).Zip(actual.SelectMany(rollout => rollout.Logps)),
            pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
    }

    /// <summary>Letters whose end-of-sequence token no model draws.</summary>
    private sealed class Endless : ITokenizer
    {
        private readonly Letters _letters = new();

        public int VocabularySize => _letters.VocabularySize;

        public int? EosId => -1;

        public int PadId => _letters.PadId;

        public int? BosId => _letters.BosId;

        public int[] Encode(string text) => _letters.Encode(text);

        public string Decode(ReadOnlySpan<int> tokens) => _letters.Decode(tokens);
    }
}
