using Plumbline.Plugins.Sft;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SftLaws
{
    [Fact]
    public void Every_completion_token_of_the_batch_weighs_the_same() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(4, 6);
        var logps = random.Logps(mask).requires_grad_();
        var loss = new Sft().Compute(new SequenceBatch { ["logps"] = logps, ["mask"] = mask });
        Given.Same(-logps.sum() / mask.sum(), loss.Value);
        Given.Same(-mask / mask.sum(), loss.GradientOf(logps));
    });

    [Fact]
    public void A_batch_without_completion_tokens_is_refused()
    {
        var none = zeros([2, 3], float64);
        Assert.Contains("mask", Assert.Throws<InvalidInputException>(() => new Sft().Compute(new SequenceBatch { ["logps"] = none, ["mask"] = none })).Message, StringComparison.Ordinal);
    }
}
