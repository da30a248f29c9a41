using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Cross-entropy of a model's outputs, as logits of the classes, on a stream.</summary>
[Objective("online-cross-entropy")]
public sealed class OnlineCrossEntropy : StreamObjective
{
    /// <inheritdoc/>
    public override Loss Compute(StreamBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameRows("outputs", "targets");
        return new Loss(-batch.Outputs.log_softmax(1).gather(1, batch.Targets.unsqueeze(1)).mean()) { ["predictions"] = batch.Outputs.detach().softmax(1) };
    }
}
