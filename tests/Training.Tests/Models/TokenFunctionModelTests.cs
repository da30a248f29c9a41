using Plumbline.Plugins.KvCache;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Models;

public sealed class TokenFunctionModelTests
{
    private static readonly Draws Draws = new(5);

    [Fact]
    public void A_table_gives_each_prompt_and_place_its_own_distribution()
    {
        using var model = NewTable();
        var hidden = model.Hidden(tensor(new long[] { 2, 1, 0, 3 }, [2, 2]));
        Assert.Equal([2, 2, 4], hidden.shape);
        Assert.Equal(0, (hidden[0] - model.Values[2].narrow(0, 0, 2)).abs().max().ToDouble());
        Assert.Equal(0, (hidden[1] - model.Values[0].narrow(0, 0, 2)).abs().max().ToDouble());
    }

    [Fact]
    public void What_the_sampler_records_is_what_the_scorer_computes()
    {
        using var model = NewTable();
        var requests = Enumerable.Range(0, 3).Select(prompt => new SamplingRequest(new Example(prompt, []), prompt, [prompt], 5, Draws.Key(prompt))).ToArray();
        var rollouts = new KvCache(new KvCacheOptions { MaxNewTokens = 3 }).Sample(model, requests, TestContext.Current.CancellationToken);
        var scored = new SequenceScorer(model).Score([.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))]);
        Assert.All(rollouts, rollout => Assert.False(rollout.Truncated));
        for (var row = 0; row < rollouts.Count; row++)
        {
            Assert.Equal(3, rollouts[row].Completion.Length);
            for (var t = 0; t < 3; t++)
            {
                Assert.Equal(rollouts[row].Logps[t], scored.Logps[row, t].ToDouble(), 1e-5);
            }
        }
    }

    [Fact]
    public void A_frozen_copy_stays_when_the_original_learns()
    {
        using var model = NewTable();
        using var frozen = (TableModel)model.Freeze();
        Assert.All(frozen.Network.parameters(), parameter => Assert.False(parameter.requires_grad));
        using var still = no_grad();
        var before = model.Values.clone();
        model.Values.add_(1);
        Assert.Equal(0, (frozen.Values - before).abs().max().ToDouble());
    }

    [Fact]
    public void A_table_of_fewer_tokens_than_the_vocabulary_answers_with_those_alone()
    {
        using var model = new TableModel(new Places(), zeros(3, 2, 2));
        Assert.Equal(2, model.Width);
        var rollouts = new KvCache(new KvCacheOptions { MaxNewTokens = 2 }).Sample(model, [new SamplingRequest(new Example(0, []), 0, [2], 40, Draws)], TestContext.Current.CancellationToken);
        Assert.Equal([0, 1], rollouts.SelectMany(rollout => rollout.Completion).Distinct().Order());
        Assert.All(rollouts, rollout => Assert.All(rollout.Logps, logp => Assert.Equal(Math.Log(0.5), logp, 1e-5)));
    }

    [Fact]
    public void A_log_linear_policy_scores_answers_by_their_features()
    {
        var features = arange(12, ScalarType.Float32).reshape(2, 3, 2);
        using var model = new LogLinearModel(new Places(), features, tensor(new[] { 1f, -2f }));
        var logits = model.Hidden(tensor(new long[] { 1 }, [1, 1]));
        Assert.Equal(new[] { 6f - 14, 8f - 18, 10f - 22 }, logits.data<float>().ToArray());
        using var frozen = (LogLinearModel)model.Freeze();
        Assert.Equal(0, (frozen.Features - features).abs().max().ToDouble());
    }

    private static TableModel NewTable() =>
        new(new Places(), tensor(Enumerable.Range(0, 36).Select(i => (float)Draws.Key(i).Normal()).ToArray(), [3, 3, 4]));

    /// <summary>Four tokens, none of which ends an answer.</summary>
    private sealed class Places : ITokenizer
    {
        public int VocabularySize => 4;

        public int? EosId => null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [.. text.Split(' ').Select(int.Parse)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
    }
}
