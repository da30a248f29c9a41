using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class SequenceScorerTests
{
    private static readonly PromptedSequence[] Ragged =
    [
        new([12, 0, 1], [2, 3, 4, 10]),
        new([12], [5, 10]),
        new([12, 6, 7, 8, 9], [0]),
    ];

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.7)]
    public void Log_probabilities_and_entropies_equal_a_direct_log_softmax(double temperature)
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var scored = new SequenceScorer(tiny.Policy, temperature).Score(Ragged, Needs.Entropies);
        for (var row = 0; row < Ragged.Length; row++)
        {
            var (prompt, completion) = Ragged[row];
            long[] tokens = [.. prompt.Concat(completion).Select(token => (long)token)];
            var logits = tiny.Policy.Logits(tiny.Policy.Hidden(tensor(tokens, [1, tokens.Length]))).squeeze(0);
            var direct = (logits / temperature).log_softmax(-1);
            for (var t = 0; t < completion.Length; t++)
            {
                var distribution = direct[prompt.Length + t - 1];
                Assert.Equal(distribution[completion[t]].ToDouble(), scored.Logps[row, t].ToDouble(), 5);
                Assert.Equal(-(distribution.exp() * distribution).sum().ToDouble(), scored.Entropies![row, t].ToDouble(), 5);
            }
        }
    }

    [Fact]
    public void Entropies_or_not_the_log_probabilities_are_the_same()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var scorer = new SequenceScorer(tiny.Policy);
        Assert.InRange((scorer.Score(Ragged).Logps - scorer.Score(Ragged, Needs.Entropies).Logps).abs().max().ToDouble(), 0, 1e-6);
        Assert.Null(scorer.Score(Ragged).Entropies);
    }

    [Fact]
    public void The_mask_covers_the_answers_and_all_else_is_zero()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var scored = new SequenceScorer(tiny.Policy).Score(Ragged, Needs.Entropies, states => states.sum(-1) + 100);
        Assert.Equal([1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0], scored.Mask.data<float>());
        foreach (var padded in new[] { scored.Logps, scored.Entropies!, scored.Values! })
        {
            Assert.Equal([3, 4], padded.shape);
            Assert.Equal(0, (padded * (1 - scored.Mask)).abs().max().ToDouble());
            Assert.True((padded * scored.Mask).abs().min().ToDouble() == 0 && padded.detach().abs().sum().ToDouble() > 0);
        }
    }

    [Fact]
    public void A_row_scores_alike_alone_and_among_longer_ones()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var scorer = new SequenceScorer(tiny.Policy);
        var together = scorer.Score(Ragged).Logps;
        for (var row = 0; row < Ragged.Length; row++)
        {
            var alone = scorer.Score([Ragged[row]]).Logps;
            Assert.InRange((together[row].narrow(0, 0, alone.shape[1]) - alone[0]).abs().max().ToDouble(), 0, 1e-5);
        }
    }

    [Fact]
    public void Values_are_those_of_the_states_before_each_token()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        var scorer = new SequenceScorer(tiny.Policy);
        static Tensor Critic(Tensor states) => states.sum(-1);
        var beside = scorer.Score(Ragged, critic: Critic).Values!;
        Assert.InRange((beside - scorer.Values(Ragged, Critic)).abs().max().ToDouble(), 0, 1e-6);
        var hidden = tiny.Policy.Hidden(tensor(new long[] { 12, 5 }, [1, 2])).sum(-1);
        Assert.Equal(hidden[0, 0].ToDouble(), beside[1, 0].ToDouble(), 4);
        Assert.Equal(hidden[0, 1].ToDouble(), beside[1, 1].ToDouble(), 4);
    }

    [Fact]
    public void Gradients_reach_the_weights_through_answers_only()
    {
        using var tiny = new Tiny();
        using var scope = NewDisposeScope();
        new SequenceScorer(tiny.Policy).Score([new([12, 0, 1], [2, 10]), new([12, 3], [4, 10])]).Logps.sum().backward();
        // 9 occurs nowhere, so its embedding has no gradient; 0 is read before an answer.
        var embedding = tiny.Policy.Network.get_parameter("embedding")!.grad!;
        Assert.Equal(0, embedding[9].abs().max().ToDouble());
        Assert.True(embedding[0].abs().max().ToDouble() > 0);
        Assert.Equal(0, embedding[10].abs().max().ToDouble());
    }
}
