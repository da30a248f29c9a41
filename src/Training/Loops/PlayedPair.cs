using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>A better and a worse answer of self-play, and the numbers that go with them.</summary>
/// <param name="Chosen">The better one, or the first where no order is implied.</param>
/// <param name="Rejected">The other.</param>
/// <param name="Numbers">By the names of the batch's tensors, such as <c>chosen_win_rates</c>.</param>
internal sealed record PlayedPair(Rollout Chosen, Rollout Rejected, IReadOnlyDictionary<string, double> Numbers)
{
    /// <summary>The batch of some pairs, with what the objective's columns ask of the data's rows.</summary>
    internal static PairBatch Batch(PairScorer scorer, IReadOnlyList<PlayedPair> pairs, IReadOnlyList<Column> columns)
    {
        static PromptedSequence Sequence(Rollout rollout) => new(rollout.Prompt, rollout.Completion);
        var batch = scorer.Score([.. pairs.Select(pair => Sequence(pair.Chosen))], [.. pairs.Select(pair => Sequence(pair.Rejected))]);
        var mask = batch.ChosenMask;
        foreach (var name in pairs[0].Numbers.Keys)
        {
            batch.With(name, tensor(pairs.Select(pair => pair.Numbers[name]).ToArray(), device: mask.device).to_type(mask.dtype));
        }

        Examples.AddTo(batch, [.. pairs.Select(pair => pair.Chosen.Example)], [.. columns.Where(column => !batch.Has(column.Name))], mask.device, mask.dtype);
        return batch;
    }

    /// <summary>Tokens of both answers with their prompts.</summary>
    internal long Tokens => Chosen.Prompt.Length + Chosen.Completion.Length + (long)Rejected.Prompt.Length + Rejected.Completion.Length;

    /// <summary>Writes the pair to samples.jsonl.</summary>
    internal void Record(StageContext stage, int step)
    {
        var sample = new JsonObject
        {
            ["stage"] = stage.Name,
            ["step"] = step,
            ["prompt"] = Chosen.Example.FindText("prompt"),
            ["chosen"] = Chosen.Text,
            ["rejected"] = Rejected.Text,
        };
        foreach (var (name, value) in Numbers)
        {
            sample[name] = value;
        }

        stage.Recorder.Sample(sample);
    }
}
