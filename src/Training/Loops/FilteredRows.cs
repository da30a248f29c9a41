using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A filter at work: which rows of a sampled batch learn, and how much.</summary>
/// <param name="part">The filter.</param>
/// <param name="stage">The stage.</param>
/// <param name="objective">The objective's id; for messages.</param>
/// <param name="further">The inputs that the objective can read beyond the usual ones.</param>
internal sealed class FilteredRows(Part<IRolloutFilter> part, StageContext stage, string objective, string[] further)
{
    private readonly IRolloutFilter _filter = part.Create(stage.Services);

    /// <summary>The rows to learn from, where one may come several times; weights go into the batch.</summary>
    /// <param name="step">The stage's step.</param>
    /// <param name="whole">rewards and group_ids of the whole batch; takes sample_weights.</param>
    /// <param name="metrics">Takes what the filter tells.</param>
    internal int[] Choose(int step, Batch whole, Dictionary<string, double> metrics)
    {
        stage.Recorder.InHand(Kinds.Filter + " " + part.Id, "filtering");
        var outputs = _filter.Filter(Inputs(step, whole["rewards"], whole["group_ids"]));
        var weights = outputs.Has("sample_weights") ? outputs.Tensor("sample_weights") : null;
        int[] rows = weights is null ? [.. outputs.Tensor("indices").cpu().data<long>().ToArray().Select(row => (int)row)]
            : [.. weights.gt(0).cpu().data<bool>().ToArray().Index().Where(row => row.Item).Select(row => row.Index)];
        if (weights is not null && !further.Contains("sample_weights"))
        {
            throw new PlumblineException($"filter '{part.Id}' weighs completions, and objective '{objective}' reads no sample_weights; let the filter choose rows, or take an objective that reads them");
        }

        whole.With("sample_weights", weights);
        metrics["kept"] = rows.Distinct().Count() / (double)whole["rewards"].shape[0];
        metrics.Add(outputs.Where(output => output.Key is not ("indices" or "sample_weights")));
        return rows.Length > 0 ? rows : throw new PlumblineException($"filter '{part.Id}' left nothing to learn from at step {step}");
    }

    private Batch Inputs(int step, Tensor rewards, Tensor ids)
    {
        var (batch, k) = (new Batch { ["rewards"] = rewards, ["group_ids"] = ids }, _filter.DrawsPerGroup);
        if (k > 0)
        {
            // In float64 as they were drawn: rounded, the largest would be 1.
            var groups = (int)new Groups(ids).Count;
            batch.With("draws", Learner.Uniforms(stage.Draws.Key("filter").Key(step), groups * k).reshape(groups, k).to(rewards.device));
        }

        return batch;
    }
}
