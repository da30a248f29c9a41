using TorchSharp;
namespace Plumbline.Plugins.Dpo
{
    internal sealed record DpoOptions { public double Beta { get; init; } = 0.1; }
    internal sealed class Dpo(DpoOptions options) : PairObjective
    {
        public override Loss Compute(PairBatch batch)
        {
            var c = ((batch.PolicyChosenLogps - batch.ReferenceChosenLogps) * batch.ChosenMask).sum(1);
            var r = ((batch.PolicyRejectedLogps - batch.ReferenceRejectedLogps) * batch.RejectedMask).sum(1);
            return new Loss(-torch.nn.functional.logsigmoid(options.Beta * (c - r)).mean());
        }
    }
}
namespace Plumbline.Plugins.Grpo
{
    internal sealed record GrpoOptions;
    internal sealed class Grpo(GrpoOptions options) : GroupObjective
    {
        public override Loss Compute(GroupBatch batch)
        {
            _ = options;
            var r = (batch.Logps - batch.OldLogps!).exp();
            var a = batch.Advantages.unsqueeze(1);
            return new Loss(-(torch.minimum(r * a, r.clamp(0.8, 1.2) * a) * batch.Mask).sum() / batch.Mask.sum());
        }
    }
}
