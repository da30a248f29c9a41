using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>offline-steps</c>.</summary>
public sealed record OfflineStepsOptions : TextTrainingOptions
{
    /// <summary>The loss.</summary>
    public required Part<StepObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<StepObjective>> Terms { get; init; } = [];

    /// <summary>Answers a step.</summary>
    [Positive]
    public int BatchSize { get; init; } = 16;

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = BatchSize,
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Learns from stored answers in steps, each with a number to learn from.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>steps</c> (a list of texts, which one after the other are the answer) and the columns that the objective declares; a list
/// has a number for each step. Each step is tokenized by itself. The end-of-sequence token belongs to the last step, and is left out where the row says
/// <c>truncated</c>. Transforms sample from the policy before the stage's reference is made, so both are the same policy.
/// </remarks>
[Loop(Loop.OfflineSteps)]
public sealed class OfflineSteps(OfflineStepsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var loaded = options.Rows(stage, cancel);
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters());
        var answers = Build(loaded, learner.Columns);
        policy.Network.train();
        var scorer = new SequenceScorer(policy);
        var reference = (learner.Needs & PairScorer.OfReference) != 0 ? new SequenceScorer(ReferencePolicy.Freeze(stage)) : null;
        var order = new EpochOrder(answers.Count, stage.Draws.Key("order"));
        StepLoop.Run(stage, options, Step, cancel);

        StepLoop.StepResult Step(int step)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            SteppedAnswer[] chosen = [.. order.Take((long)step * options.BatchSize, options.BatchSize).Select(row => answers[row])];
            PromptedSequence[] sequences = [.. chosen.Select(answer => answer.Sequence)];
            var scored = scorer.Score(sequences, learner.Needs);
            var batch = new StepBatch
            {
                ["logps"] = scored.Logps,
                ["mask"] = scored.Mask,
                ["tokens"] = scored.Tokens,
                ["step_ids"] = StepIds(chosen, scored.Mask.shape[1]).to(scored.Mask.device),
            };
            batch.With("entropies", scored.Entropies).With("policy_logits", scored.Logits);
            if (reference is not null)
            {
                using var still = no_grad();
                var frozen = reference.Score(sequences, learner.Needs.HasFlag(Needs.ReferenceLogits) ? Needs.Logits : Needs.None);
                batch.With("reference_logps", frozen.Logps).With("reference_logits", frozen.Logits);
            }

            Examples.AddTo(batch, [.. chosen.Select(answer => answer.Example)], learner.Columns, scored.Mask.device, scored.Mask.dtype);
            var metrics = new Dictionary<string, double>();
            learner.Update(batch, step, metrics, chosen.Length);
            return new(metrics, sequences.Sum(sequence => sequence.Length));
        }
    }

    /// <summary>An answer, and the step of each of its tokens.</summary>
    private sealed record SteppedAnswer(Example Example, PromptedSequence Sequence, int[] Steps);

    private List<SteppedAnswer> Build(IReadOnlyList<Example> rows, IReadOnlyList<Column> columns)
    {
        var builder = new SequenceBuilder(stage.Policy, options.MaxLength, options.Overlong);
        var steps = new Dictionary<long, int[]>();
        var built = builder.Build(rows, stage.Log, row =>
        {
            var texts = Texts(row);
            foreach (var column in columns.Where(column => column.List && row.Columns[column.Name] is not null))
            {
                if (row.Columns[column.Name] is not JsonArray list || list.Count != texts.Length)
                {
                    throw new PlumblineException($"row {row.Index} of the data has {texts.Length} steps, and its '{column.Name}' is no list of as many numbers");
                }
            }

            var (tokens, ids) = (new List<int>(), new List<int>());
            for (var step = 0; step < texts.Length; step++)
            {
                var last = step == texts.Length - 1 && !(row.Columns["truncated"] is JsonValue said && said.GetValueKind() == JsonValueKind.True);
                var own = last ? builder.Completion(texts[step]) : stage.Policy.Tokenizer.Encode(texts[step]);
                tokens.AddRange(own);
                ids.AddRange(Enumerable.Repeat(step, own.Length));
            }

            steps[row.Index] = [.. ids];
            return [[.. tokens]];
        });
        return [.. built.Select(pair => new SteppedAnswer(pair.Example, pair.Sequences[0], steps[pair.Example.Index]))];
    }

    private static string[] Texts(Example row) =>
        row.Columns["steps"] is JsonArray { Count: > 0 } list && list.All(item => item?.GetValueKind() == JsonValueKind.String)
            ? [.. list.Select(item => item!.GetValue<string>())]
            : throw new PlumblineException($"row {row.Index} of the data has no list of texts 'steps'; it has {string.Join(", ", row.Columns.Select(pair => pair.Key))}");

    /// <summary>[N,T] int64, -1 where there is no token.</summary>
    private static Tensor StepIds(SteppedAnswer[] answers, long width)
    {
        var ids = new long[answers.Length * width];
        Array.Fill(ids, -1);
        for (var row = 0; row < answers.Length; row++)
        {
            for (var t = 0; t < answers[row].Steps.Length; t++)
            {
                ids[(row * width) + t] = answers[row].Steps[t];
            }
        }

        return tensor(ids, [answers.Length, width]);
    }
}
