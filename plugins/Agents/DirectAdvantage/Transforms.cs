using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.DirectAdvantage;

/// <summary>Prompts to answers in steps with their advantages: sampled from the policy, checked by a reward, valued by completions of each step's start or by a trained critic.</summary>
[Transform("direct-advantage")]
[Default("sampler", "kv-cache")]
[Default("reward", "exact-answer")]
public sealed class StepAdvantages(DirectAdvantageDataOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var sampling = new StepSampling(options, stage, draws, cancel);
        var answers = sampling.Sample(rows).Where(answer => answer.Ends.Length > 0).ToList();
        if (answers.Count == 0)
        {
            throw new PlumblineException("the policy sampled no answer with a token: there is no step to learn from");
        }

        var (values, terminals) = options.Critic is { } role ? Criticised(role, answers, sampling) : (sampling.Values(answers), null);
        var width = answers.Max(answer => answer.Ends.Length);
        double[] Padded(double[] list) => [.. list, .. new double[width - list.Length]];
        var mask = tensor(answers.SelectMany(answer => Padded([.. answer.Ends.Select(_ => 1.0)])).ToArray(), [answers.Count, width]);
        var advantages = DirectAdvantage.Advantages(
            tensor(values.SelectMany(Padded).ToArray(), [answers.Count, width]), mask, tensor(answers.Select(answer => answer.Outcome).ToArray()), options,
            terminals is null ? null : tensor(terminals)).Tensor("advantages").data<double>().ToArray();
        return [.. answers.Select((answer, i) => Row(i, answer, sampling, values[i], advantages[(i * width)..((i * width) + answer.Ends.Length)]))];
    }

    /// <summary>A row of the loop <c>offline-steps</c>.</summary>
    internal static Example Row(long index, SteppedRollout answer, StepSampling sampling, double[] values, double[] advantages)
    {
        var columns = answer.Rollout.Example.Columns.DeepClone().AsObject();
        columns["steps"] = new JsonArray([.. answer.Ends.Select((end, step) => (JsonNode)sampling.Text(answer, answer.Start(step), end))]);
        columns["advantages"] = new JsonArray([.. advantages.Select(advantage => (JsonNode)advantage)]);
        columns["values"] = new JsonArray([.. values.Select(value => (JsonNode)value)]);
        columns["outcome"] = answer.Outcome;
        columns["truncated"] = answer.Rollout.Truncated;
        return new Example(index, columns);
    }

    /// <summary>The critic's values of each step's start, and of the finished answers.</summary>
    private (double[][] Values, double[] Terminals) Criticised(string role, List<SteppedRollout> answers, StepSampling sampling)
    {
        var members = stage.Run.Models.Get<PreferenceModel>(role).Members;
        PromptedText[] states = [.. answers.SelectMany(answer => answer.Ends.Prepend(0).Select(end => new PromptedText(answer.Rollout.Example.Text("prompt"), sampling.Text(answer, 0, end))))];
        var all = members[0].Scores(states).sigmoid().data<double>().ToArray();
        var next = 0;
        double[][] each = [.. answers.Select(answer => all[next..(next += answer.Ends.Length + 1)])];
        return ([.. each.Select(values => values[..^1])], [.. each.Select(values => values[^1])]);
    }
}

/// <summary>Prompts to partial answers with the chance that they end right, for a critic to learn: sampled from the policy, each step's start completed many times.</summary>
[Transform("direct-advantage-states")]
[Default("sampler", "kv-cache")]
[Default("reward", "exact-answer")]
public sealed class StepStates(DirectAdvantageStatesOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        var sampling = new StepSampling(options, stage, draws, cancel);
        var answers = sampling.Sample(rows);
        var states = answers.Zip(sampling.Values(answers)).SelectMany(pair => pair.Second.Select((value, step) => (
            pair.First.Rollout.Example, Prefix: sampling.Text(pair.First, 0, pair.First.Start(step)), Value: value))).DistinctBy(state => (state.Example.Index, state.Prefix));
        return [.. states.Select((state, i) =>
        {
            var columns = state.Example.Columns.DeepClone().AsObject();
            columns["completion"] = state.Prefix;
            columns["values"] = state.Value;
            return new Example(i, columns);
        })];
    }
}

/// <summary>The critic of Direct Advantage: learns the chance that a partial answer ends right, from many completions of each; a stage before the policy's.</summary>
[Algorithm("direct-advantage-critic", Loop.RewardTraining, Paper = "2412.18279", Title = "Improving Multi-Step Reasoning Abilities of Large Language Models with Direct Advantage Policy Optimization")]
[Default("transforms", new[] { "direct-advantage-states" })]
[Default("role", "critic")]
public sealed class DirectAdvantageCritic : PreferenceModelObjective
{
    /// <inheritdoc/>
    public override bool Pairs => false;

    /// <inheritdoc/>
    public override IReadOnlyList<Column> Columns => [new Column("values")];

    /// <summary>Cross-entropy of the predicted chance against the measured one.</summary>
    public override Loss Compute(PreferenceModelBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return DirectAdvantage.CriticLoss(batch.Scores, batch["values"]);
    }
}
