using System.Text.Json.Nodes;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Each step samples two answers a prompt, has them judged, and learns from the pair by any loss on pairs.</summary>
/// <remarks>
/// The reference is the policy of the stage's beginning; it is kept only where a loss or an answer needs it. Log-probabilities are those at temperature 1,
/// whatever the sampler's. Beside a pair batch's usual inputs there are <c>chosen_is_first</c> [B] bool, <c>preference</c> [B] with soft labels, and
/// <c>explore_logps</c>, <c>explore_mask</c> [B,T], the policy's log-probabilities of the second answer, with gradient.
/// What the policy sampled is checked against the trainer at every step (metric <c>sampler_gap</c>); at another temperature than 1 at the first step alone.
/// </remarks>
[Loop(Loop.OnlinePairs)]
[Default("sampler", "kv-cache")]
public sealed class OnlinePairs(OnlinePairsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var source = new AnswerSource(options, stage, cancel);
        var judging = new Judging(options.Judge, options.BothOrders, stage);
        var sampler = (options.Sampler.Id, options.Sampler.Create(stage.Services));
        var secondSampler = options.SecondSampler is { } other ? (other.Id, other.Create(stage.Services)) : sampler;
        using var learner = new Learner(stage, options, terms, policy, policy.Network.parameters());
        var needsReference = (learner.Needs & PairScorer.OfReference) != 0;
        var reference = needsReference || options.First != AnswersFrom.Policy || options.Second != AnswersFrom.Policy ? ReferencePolicy.Freeze(stage) : null;
        var scorer = new PairScorer(policy, needsReference ? reference : null, learner.Needs);
        var order = new EpochOrder(source.Count, stage.Draws.Key("order"));
        var history = new List<JudgedPair>();
        policy.Network.train();
        StepLoop.Run(stage, options, Step, cancel);
        judging.Close();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            if (options.History == PairHistory.Last)
            {
                history.Clear();
            }

            if (options.ResetOptimizer && step > 0)
            {
                learner.ResetOptimizers();
            }

            history.AddRange(Judged(step, metrics));
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var tokens = 0L;
            for (var update = 0; update < options.UpdatesPerRound; update++)
            {
                using var scope = NewDisposeScope();
                var pairs = options.Drawn(history, stage.Draws.Key("batch").Key(step).Key(update));
                var batch = Batch(pairs);
                if (update == 0)
                {
                    CheckSampler(step, pairs, batch, metrics);
                }

                learner.Update(batch, step, metrics, pairs.Count);
                PairScorer.Tell(batch, metrics);
                tokens += pairs.Sum(pair => pair.First.Prompt.Length + pair.First.Completion.Length + (long)pair.Second.Prompt.Length + pair.Second.Completion.Length);
            }

            if ((step + 1L) * options.PromptsPerStep / source.Count > (long)step * options.PromptsPerStep / source.Count)
            {
                judging.Close();
            }

            return new(metrics, tokens);
        }

        List<JudgedPair> Judged(int step, Dictionary<string, double> metrics)
        {
            var prompts = order.Take((long)step * options.PromptsPerStep, options.PromptsPerStep);
            var each = options.PairsPerPrompt;
            var together = options.First == options.Second && options.SecondSampler is null;
            var first = source.Sample(Model(options.First), sampler, prompts, together ? 2 * each : each, step, "first", cancel);
            var second = together ? first : source.Sample(Model(options.Second), secondSampler, prompts, each, step, "second", cancel);
            (Rollout First, Rollout Second)[] pairs = [.. Enumerable.Range(0, prompts.Length * each).Select(i => together
                ? (first[((i / each) * 2 * each) + (i % each)], first[((i / each) * 2 * each) + each + (i % each)])
                : (first[i], second[i]))];
            var probabilities = judging.Probabilities(pairs, new RewardContext(step, options.Steps, stage.Draws.Key("judge").Key(step)));
            var draws = stage.Draws.Key("label").Key(step);
            List<JudgedPair> judged = [.. pairs.Select((pair, i) => new JudgedPair(pair.First, pair.Second, probabilities[i], FirstWins(probabilities[i], draws.Key(i)), step))];
            metrics["first_wins"] = probabilities.Average();
            metrics["ties"] = probabilities.Average(probability => probability == 0.5 ? 1.0 : 0);
            metrics["completion_length"] = pairs.Average(pair => (pair.First.Completion.Length + pair.Second.Completion.Length) / 2.0);
            metrics["truncated"] = pairs.Average(pair => ((pair.First.Truncated ? 1.0 : 0) + (pair.Second.Truncated ? 1.0 : 0)) / 2);
            judging.AddTo(metrics);
            if (options.SampleEvery > 0 && step % options.SampleEvery == 0)
            {
                judged[0].Record(stage);
            }

            return judged;
        }

        ICausalModel Model(AnswersFrom from) => from switch
        {
            AnswersFrom.Reference => reference!,
            AnswersFrom.Mixture => new MixtureModel(policy, reference!, options.Mixture),
            _ => policy,
        };

        bool FirstWins(double probability, Draws draws) => options.Labels switch
        {
            PairLabels.Sampled => draws.Uniform() < probability,
            PairLabels.Hard => probability >= 0.5,
            _ => true,
        };

        PairBatch Batch(IReadOnlyList<JudgedPair> pairs)
        {
            var batch = scorer.Score([.. pairs.Select(pair => pair.Chosen)], [.. pairs.Select(pair => pair.Rejected)]);
            var device = batch.ChosenMask.device;
            var firstWins = tensor(pairs.Select(pair => pair.FirstWins).ToArray(), device: device);
            batch.With("chosen_is_first", firstWins)
                .With("explore_logps", where(firstWins.unsqueeze(1), batch.PolicyRejectedLogps, batch.PolicyChosenLogps))
                .With("explore_mask", where(firstWins.unsqueeze(1), batch.RejectedMask, batch.ChosenMask));
            if (options.Labels == PairLabels.Soft)
            {
                batch.With("preference", tensor(pairs.Select(pair => pair.Probability).ToArray(), device: device).to_type(batch.ChosenMask.dtype));
            }

            // The judge's word on these answers, never the data's on others.
            Examples.AddTo(batch, [.. pairs.Select(pair => pair.First.Example)], [.. learner.Columns.Where(column => column.Name != "preference")], device, batch.ChosenMask.dtype);
            return batch;
        }

        void CheckSampler(int step, IReadOnlyList<JudgedPair> pairs, PairBatch batch, Dictionary<string, double> metrics)
        {
            var gaps = new List<double>();
            Check(options.First, sampler.Item2.Temperature, pair => pair.First, chosenWhere: true);
            Check(options.Second, secondSampler.Item2.Temperature, pair => pair.Second, chosenWhere: false);
            if (gaps.Count > 0)
            {
                metrics["sampler_gap"] = gaps.Max();
            }

            void Check(AnswersFrom from, double temperature, Func<JudgedPair, Rollout> side, bool chosenWhere)
            {
                int[] fresh = [.. Enumerable.Range(0, pairs.Count).Where(row => pairs[row].Step == step)];
                if (from != AnswersFrom.Policy || fresh.Length == 0 || (temperature != 1 && step > 0))
                {
                    return;
                }

                Rollout[] rollouts = [.. fresh.Select(row => side(pairs[row]))];
                if (temperature != 1)
                {
                    gaps.Add(SamplerTripwire.Check(policy, temperature, rollouts));
                    return;
                }

                using var still = no_grad();
                var rows = tensor(fresh.Select(row => (long)row).ToArray(), device: batch.ChosenMask.device);
                var isChosen = batch["chosen_is_first"].index_select(0, rows).eq(tensor(chosenWhere, device: rows.device)).unsqueeze(1);
                var width = rollouts.Max(rollout => rollout.Completion.Length);
                Tensor Side(Tensor chosen, Tensor rejected) => where(isChosen, chosen.index_select(0, rows), rejected.index_select(0, rows)).narrow(1, 0, width);
                gaps.Add(SamplerTripwire.Check(
                    RolloutBatch.SamplerLogps(rollouts, rows.device, batch.PolicyChosenLogps.dtype), Side(batch.PolicyChosenLogps, batch.PolicyRejectedLogps),
                    Side(batch.ChosenMask, batch.RejectedMask), policy.Network.parameters().First().dtype));
            }
        }
    }
}

/// <summary>Two answers to one prompt and what a judge says of them.</summary>
/// <param name="First">The first answer.</param>
/// <param name="Second">The second answer.</param>
/// <param name="Probability">P(first beats second).</param>
/// <param name="FirstWins">Whether the first is the chosen one.</param>
/// <param name="Step">The step that sampled them.</param>
internal sealed record JudgedPair(Rollout First, Rollout Second, double Probability, bool FirstWins, int Step)
{
    /// <summary>The better answer.</summary>
    internal PromptedSequence Chosen => Sequence(FirstWins ? First : Second);

    /// <summary>The worse answer.</summary>
    internal PromptedSequence Rejected => Sequence(FirstWins ? Second : First);

    /// <summary>Writes the pair to samples.jsonl.</summary>
    internal void Record(StageContext stage) => stage.Recorder.Sample(new JsonObject
    {
        ["stage"] = stage.Name,
        ["step"] = Step,
        ["prompt"] = First.Example.FindText("prompt"),
        ["first"] = First.Text,
        ["second"] = Second.Text,
        ["first_wins"] = Probability,
    });

    private static PromptedSequence Sequence(Rollout rollout) => new(rollout.Prompt, rollout.Completion);
}
