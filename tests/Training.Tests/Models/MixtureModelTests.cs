using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Models;

public sealed class MixtureModelTests
{
    [Fact]
    public void What_is_sampled_token_by_token_is_what_a_whole_pass_computes()
    {
        using var scope = NewDisposeScope();
        var (policy, mixture) = Models(0.3);
        var requests = Enumerable.Range(0, 3).Select(i => new SamplingRequest(new Example(i, []), i, [12, i], 4, new Draws(9).Key(i))).ToArray();
        var rollouts = Tiny.Sampler().Create(new Tiny.NoServices()).Sample(mixture, requests, CancellationToken.None);
        Assert.InRange(Gap(mixture), 0, 1e-4);
        Assert.True(Gap(policy) > 0.01);

        double Gap(ICausalModel model)
        {
            var logps = new SequenceScorer(model).Score([.. rollouts.Select(rollout => new PromptedSequence(rollout.Prompt, rollout.Completion))]).Logps;
            return rollouts.Select((rollout, row) => rollout.Logps.Select((logp, t) => Math.Abs(logp - logps[row, t].ToDouble())).Max()).Max();
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Its_ends_are_policy_and_reference(double weight)
    {
        using var scope = NewDisposeScope();
        var (policy, mixture) = Models(weight);
        var tokens = tensor(new long[] { 12, 3, 4 }, [1, 3]);
        var end = weight == 0 ? policy : Tiny.NewModel(Tiny.NewRun(8));
        Assert.InRange((mixture.Logits(mixture.Hidden(tokens)) - end.Logits(end.Hidden(tokens)).log_softmax(-1)).abs().max().ToDouble(), 0, 1e-5);
    }

    private static (ICausalModel Policy, MixtureModel Mixture) Models(double weight)
    {
        var policy = Tiny.NewModel(Tiny.NewRun(7));
        return (policy, new MixtureModel(policy, Tiny.NewModel(Tiny.NewRun(8)), weight));
    }
}
