using System.Text.Json;
using System.Text.Json.Nodes;
using Plumbline.Training.Models;
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

    /// <summary>Peak learning rate of the value function, where the objective has one; null: the policy's.</summary>
    [Positive]
    public double? ValueLearningRate { get; init; }

    /// <summary>Go on with the value function of an earlier stage, the model in the role <c>value</c>; else one begins at 0.</summary>
    public bool ContinueValues { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        // A value function goes forward and backward beside the policy.
        TrainedSequences = BatchSize * (Terms.Prepend(Objective).Any(part => part.Create(services) is IValueObjective) ? 2 : 1),
        FrozenCopies = ReferenceCopies(services, Objective, Terms),
    };
}

/// <summary>Learns from stored answers in steps, each with a number to learn from.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>steps</c> (a list of texts, which one after the other are the answer) and the columns that the objective declares; a list
/// has a number for each step. Each step is tokenized by itself. The end-of-sequence token belongs to the last step, and is left out where the row says
/// <c>truncated</c>. A row may say by a list <c>observed</c>, true or false for each step, which of them the answer's author read and did not write: they are
/// context, masked and of no step. Transforms sample from the policy before the stage's reference is made, so both are the same policy. Where the objective has
/// a value function (<see cref="IValueObjective"/>) it is a network of its own, trains beside the policy, and stays in the role <c>value</c>.
/// </remarks>
[Loop(Loop.OfflineSteps)]
public sealed class OfflineSteps(OfflineStepsOptions options, StageContext stage) : ILoop
{
    private const string ValueRole = "value";

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string Id, IObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var loaded = options.Rows(stage, cancel);
        var values = Values(policy, terms.Any(term => term.Objective is IValueObjective));
        using var learner = values is null ? new Learner(stage, options, terms, policy, policy.Network.parameters())
            : new Learner(stage, options, terms, policy, policy.Network.parameters(), ("value_grad_norm", values.Network.parameters(), options.ValueLearningRate));
        var answers = Build(loaded, learner.Columns);
        policy.Network.train();
        values?.Network.train();
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
            var stepIds = StepIds(chosen, scored.Mask.shape[1]).to(scored.Mask.device);
            // What was observed is context: no token of the answer.
            var mask = scored.Mask * Masked.Indicator(stepIds.ge(0), scored.Mask);
            var batch = new StepBatch { ["logps"] = scored.Logps * mask, ["mask"] = mask, ["tokens"] = scored.Tokens, ["step_ids"] = stepIds };
            batch.With("entropies", scored.Entropies is null ? null : scored.Entropies * mask).With("policy_logits", scored.Logits);
            if (values is not null)
            {
                batch.With("values", values.Values(sequences).to_type(mask.dtype) * mask);
            }

            if (reference is not null)
            {
                using var still = no_grad();
                var frozen = reference.Score(sequences, learner.Needs.HasFlag(Needs.ReferenceLogits) ? Needs.Logits : Needs.None);
                batch.With("reference_logps", frozen.Logps * mask).With("reference_logits", frozen.Logits);
            }

            Examples.AddTo(batch, [.. chosen.Select(answer => answer.Example)], learner.Columns, scored.Mask.device, scored.Mask.dtype);
            var metrics = new Dictionary<string, double>();
            if (values is not null)
            {
                // Outcomes lie in a known range: values that leave it tell of an end before it comes.
                var told = batch.Values.detach();
                metrics["value_min"] = told.masked_fill(mask.eq(0), double.PositiveInfinity).min().ToDouble();
                metrics["value_max"] = told.masked_fill(mask.eq(0), double.NegativeInfinity).max().ToDouble();
            }

            learner.Update(batch, step, metrics, chosen.Length);
            return new(metrics, sequences.Sum(sequence => sequence.Length));
        }
    }

    /// <summary>The value function of the stage, in the role <c>value</c>; null where the objective has none.</summary>
    private ValueModel? Values(ICausalModel policy, bool wanted)
    {
        if (!wanted)
        {
            return options.ValueLearningRate is null && !options.ContinueValues ? null
                : throw new PlumblineException($"{(options.ContinueValues ? "continue_values" : "value_learning_rate")} is set, and objective '{options.Objective.Id}' has no value function; take it out");
        }

        if (!options.ContinueValues)
        {
            stage.Run.Models.Set(ValueRole, ValueModel.Beside(policy));
        }
        else if (!stage.Run.Models.Roles.Contains(ValueRole))
        {
            throw new PlumblineException("continue_values is set, and no stage before this one has trained a value function; take it out of the first one");
        }

        return stage.Run.Models.Get<ValueModel>(ValueRole);
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

            var observed = Observed(row, texts.Length);
            var (tokens, ids) = (new List<int>(), new List<int>());
            for (var step = 0; step < texts.Length; step++)
            {
                var last = step == texts.Length - 1 && !(row.Columns["truncated"] is JsonValue said && said.GetValueKind() == JsonValueKind.True);
                var own = last ? builder.Completion(texts[step]) : stage.Policy.Tokenizer.Encode(texts[step]);
                tokens.AddRange(own);
                ids.AddRange(Enumerable.Repeat(observed[step] ? -1 : step, own.Length));
            }

            steps[row.Index] = [.. ids];
            return [[.. tokens]];
        });
        return [.. built.Select(pair => new SteppedAnswer(pair.Example, pair.Sequences[0], steps[pair.Example.Index]))];
    }

    private static bool[] Observed(Example row, int steps) => row.Columns["observed"] switch
    {
        null => new bool[steps],
        JsonArray list when list.Count == steps && list.All(item => item?.GetValueKind() is JsonValueKind.True or JsonValueKind.False) =>
            list.Any(item => !item!.GetValue<bool>()) ? [.. list.Select(item => item!.GetValue<bool>())]
                : throw new PlumblineException($"every step of row {row.Index} of the data is observed: there is nothing to learn from; leave the row out"),
        _ => throw new PlumblineException($"row {row.Index} of the data has {steps} steps, and its 'observed' is no list of as many truth values"),
    };

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
