using Plumbline.Training.Models;
using Plumbline.Training.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>reward-training</c>.</summary>
public sealed record RewardTrainingOptions : TextTrainingOptions, IChecksItself
{
    /// <summary>The loss; it says what the model gives an answer.</summary>
    public required Part<PreferenceModelObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<PreferenceModelObjective>> Terms { get; init; } = [];

    /// <summary>Rows a step, of each member.</summary>
    [Positive]
    public int BatchSize { get; init; } = 32;

    /// <summary>Models that are trained alike and differ in first weights and order of data.</summary>
    [Positive]
    public int Members { get; init; } = 1;

    /// <summary>What stands under the head; null: copies of the policy.</summary>
    public Part<IModel>? Model { get; init; }

    /// <summary>Weights to begin from, as a stage of this kind has saved them; null: the model's own.</summary>
    public string? Weights { get; init; }

    /// <summary>The role of the trained model, by which parts of later stages find it.</summary>
    public string Role { get; init; } = "reward";

    /// <summary>The answers over which each member's scores get mean 0 and standard deviation 1, once, after training; rows have completion, or chosen and rejected. Null: scores stay as they are.</summary>
    public Part<IData>? Normalization { get; init; }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new() { Steps = Steps, TrainedSequences = 2L * BatchSize * Members };

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Role is "policy" or "reference" || Role.Length == 0 || Role.Any(letter => !char.IsAsciiLetterOrDigit(letter) && letter is not ('-' or '_')))
        {
            yield return $"role must be a name of letters, digits and hyphens other than policy and reference, was '{Role}'";
        }
    }
}

/// <summary>Learns to score or to embed answers, from pairs of a better and a worse one, or from answers with numbers.</summary>
/// <remarks>
/// Rows have <c>prompt</c>, <c>chosen</c> and <c>rejected</c> (<c>prompt</c> and <c>completion</c> where the objective learns from no pairs), and the
/// columns that the objective declares. The trained model takes its role, and its weights are saved under the role's name in the run's folder.
/// </remarks>
[Loop(Loop.RewardTraining)]
public sealed class RewardTraining(RewardTrainingOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        PreferenceModelObjective[][] objectives = [.. Enumerable.Range(0, options.Members).Select(_ =>
            options.Terms.Prepend(options.Objective).Select(part => part.Create(stage.Services)).ToArray())];
        var first = objectives[0][0];
        if (objectives[0].FirstOrDefault(term => (term.Dimension, term.GateDimension, term.Pairs) != (first.Dimension, first.GateDimension, first.Pairs)) is { } other)
        {
            throw new PlumblineException($"the terms want different models: {first.GetType().Name} {first.Dimension} numbers an answer, {other.GetType().Name} {other.Dimension}");
        }

        string[] columns = first.Pairs ? ["chosen", "rejected"] : ["completion"];
        var loaded = options.Rows(stage, cancel);
        var model = Build(first);
        try
        {
            var rows = Fitting(loaded, columns, model);
            Train(model, objectives, rows, columns, cancel);
            Normalize(model);
            model.Network.eval();
            Directory.CreateDirectory(stage.Run.Folder);
            SafeTensors.Save(Path.Combine(stage.Run.Folder, options.Role + ".safetensors"), model.Model.Network.state_dict(), new Dictionary<string, string> { ["format"] = "pt", ["run"] = stage.Run.Name });
        }
        catch
        {
            model.Model.Dispose();
            throw;
        }

        stage.Run.Models.Set(options.Role, model.Model);
    }

    /// <summary>A model and the backbone its members were made from.</summary>
    private sealed record Built(PreferenceModel Model, Func<PromptedText, int> Length, int ContextLength)
    {
        internal nn.Module Network => Model.Network;
    }

    private Built Build(PreferenceModelObjective objective)
    {
        stage.Recorder.InHand(Kinds.Model + " " + (options.Model?.Id ?? "policy"), "building");
        var draws = stage.Draws.Key("member");
        var own = options.Model?.Create(stage.Services);
        IPreferenceBackbone seed = (own ?? stage.Policy) switch
        {
            IPreferenceBackbone backbone => backbone,
            ICausalModel language => new CausalBackbone(language),
            var other => throw new PlumblineException($"model '{options.Model!.Id}' is a {other.GetType().Name}; what stands under a preference model's head must be a language model or a {nameof(IPreferenceBackbone)}"),
        };
        IPreferenceBackbone[] backbones = [.. Enumerable.Range(0, options.Members).Select(member => seed.Another(draws.Key(member).Key("backbone")))];
        own?.Dispose();
        var model = new PreferenceModel([.. backbones.Select((backbone, member) => new PreferenceMember(backbone, objective.Dimension, objective.GateDimension, draws.Key(member)))]);
        if (options.Weights is { } path)
        {
            SafeTensors.LoadInto(stage.Run.Resolve(path), model.Network);
        }

        model.Network.train();
        return new Built(model, backbones[0].Length, backbones[0].ContextLength);
    }

    private void Train(Built model, PreferenceModelObjective[][] objectives, List<Example> rows, string[] columns, CancellationToken cancel)
    {
        string[] ids = [.. options.Terms.Select(part => part.Id).Prepend(options.Objective.Id)];
        var learners = new List<Learner>();
        try
        {
            learners.AddRange(objectives.Select((terms, member) => new Learner(
                stage, options, terms.Select((term, i) => (ids[i], (IObjective)term)), policy: null, model.Model.Members[member].parameters())));
            EpochOrder[] orders = [.. learners.Select((_, member) => new EpochOrder(rows.Count, stage.Draws.Key("order").Key(member)))];
            StepLoop.Run(stage, options, Step, cancel);

            StepLoop.StepResult Step(int step)
            {
                stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                var (told, tokens) = (new List<Dictionary<string, double>>(), 0L);
                for (var member = 0; member < learners.Count; member++)
                {
                    using var scope = NewDisposeScope();
                    Example[] chosen = [.. orders[member].Take((long)step * options.BatchSize, options.BatchSize).Select(row => rows[row])];
                    PromptedText[] texts = [.. columns.SelectMany(column => chosen.Select(row => new PromptedText(row.Text("prompt"), row.Text(column))))];
                    var batch = BatchOf(model.Model.Members[member], texts, columns);
                    var like = batch.Find("chosen_scores") ?? batch.Find("chosen_embeddings") ?? batch.Find("scores") ?? batch["embeddings"];
                    Examples.AddTo(batch, chosen, learners[member].Columns, like.device, like.dtype);
                    var metrics = new Dictionary<string, double>();
                    learners[member].Update(batch, step, metrics, chosen.Length);
                    told.Add(metrics);
                    tokens += texts.Sum(model.Length);
                }

                // The mean over the members.
                return new(told[0].Keys.ToDictionary(name => name, name => told.Average(metrics => metrics[name])), tokens);
            }
        }
        finally
        {
            learners.ForEach(learner => learner.Dispose());
        }
    }

    /// <summary>What a member gives a batch of texts, the better answers first.</summary>
    private static PreferenceModelBatch BatchOf(PreferenceMember member, PromptedText[] texts, string[] columns)
    {
        var (embeddings, gates) = member.Read(texts);
        var (outputs, name) = member.Dimension == 1 ? (embeddings.squeeze(1), "scores") : (embeddings, "embeddings");
        var rows = outputs.shape[0] / columns.Length;
        var batch = new PreferenceModelBatch();
        for (var side = 0; side < columns.Length; side++)
        {
            batch.With(columns.Length == 1 ? name : $"{columns[side]}_{name}", outputs.narrow(0, side * rows, rows));
        }

        batch.With("gate_logits", gates?.narrow(0, 0, rows));
        return batch;
    }

    /// <summary>The rows whose texts fit; one that is too long is treated as the options say.</summary>
    private List<Example> Fitting(IReadOnlyList<Example> rows, string[] columns, Built model)
    {
        if (rows.Count == 0)
        {
            throw new PlumblineException("the data set has no rows to train on");
        }

        var most = Math.Min(options.MaxLength ?? model.ContextLength, model.ContextLength);
        var fitting = new List<Example>(rows.Count);
        foreach (var row in rows)
        {
            var length = columns.Max(column => model.Length(new PromptedText(row.Text("prompt"), row.Text(column))));
            if (length <= most || options.Overlong == OverlongPolicy.TruncatePrompt)
            {
                fitting.Add(row);
            }
            else if (options.Overlong == OverlongPolicy.Refuse)
            {
                throw new PlumblineException($"row {row.Index} of the data is {length} tokens long, and the longest sequence is {most}; raise max_length or context_length, or set overlong to \"drop\" or \"truncate_prompt\"");
            }
        }

        return fitting.Count > 0 ? fitting : throw new PlumblineException($"none of the {rows.Count} rows fits into {most} tokens; raise max_length or the model's context_length");
    }

    private void Normalize(Built model)
    {
        if (options.Normalization is not { } data)
        {
            return;
        }

        stage.Recorder.InHand(Kinds.Data + " " + data.Id, "normalising");
        model.Network.eval();
        PromptedText[] answers = [.. data.Create(stage.Services).Load(stage.Run).Train.SelectMany(row =>
            (row.FindText("completion") is null ? new[] { "chosen", "rejected" } : ["completion"]).Select(column => new PromptedText(row.Text("prompt"), row.Text(column))))];
        if (answers.Length == 0)
        {
            throw new PlumblineException($"data '{data.Id}' has no answers to normalise the scores by");
        }

        foreach (var member in model.Model.Members)
        {
            member.Normalize(answers);
        }
    }
}
