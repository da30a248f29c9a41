using Plumbline.Training.Diffusion;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Samples by denoising step by step, scores the final samples and learns from the steps, from pairs of trajectories or from the samples.</summary>
/// <remarks>
/// The first update on a batch of trajectories is on-policy: the batch has no <c>old_logps</c>, so the ratio is exactly 1. Later updates have those that the
/// sampler recorded, which are checked against the trainer's at every step (metric <c>sampler_gap</c>). The gradient of an update is over all of its steps, so
/// their order makes no difference; <c>chunk</c> bounds the memory. Pairs are all those within a group.
/// </remarks>
[Loop(Loop.DiffusionRollouts)]
[Default("sampler", "diffusion")]
public sealed class DiffusionRollouts(DiffusionRolloutsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Run.Models.Get<IDiffusionModel>("policy");
        (string Id, TransitionObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, part.Create(stage.Services)))];
        Require(terms);
        var sampler = options.Sampler.Create(stage.Services);
        using var source = new TrajectorySource(options, stage, policy, sampler);
        using var learner = new Learner(stage, options, terms.Select(term => (term.Id, (IObjective)term.Objective)), policy: null, policy.Network.parameters());
        var reference = learner.Needs.HasFlag(Needs.Reference) ? ReferencePolicy.Freeze<IDiffusionModel>(stage) : null;
        var learning = new TransitionLearning(options, stage, terms[0], policy, new TransitionScorer(sampler, policy, reference, options.Chunk));
        using var average = options.EmaDecay is null ? null : new AveragedWeights(policy.Network.parameters());
        policy.Network.train();
        StepLoop.Run(stage, options, Step, cancel);
        source.Watch.End();
        average?.Restore();

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var scored = source.Next(step, metrics, cancel);
            var rows = learning.Begin(scored, step, metrics);
            metrics["trained"] = rows.Length;
            var updates = 0;
            for (var epoch = 0; rows.Length > 0 && epoch < options.EpochsPerBatch; epoch++)
            {
                var order = stage.Draws.Key("minibatches").Key(step).Key(epoch).Permutation(rows.Length);
                foreach (var part in OnlineGroups.Split(order, options.Minibatches))
                {
                    stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                    using var scope = NewDisposeScope();
                    var (batch, backward) = learning.Batch([.. part.Select(place => rows[place])], epoch, first: updates++ == 0, metrics);
                    learner.Update(batch, step, metrics, part.Length, backward);
                }
            }

            average?.Update(options.EmaDecay!.Value);
            return new(metrics, scored.Trajectories.Evaluations);
        }
    }

    private void Require((string Id, TransitionObjective Objective)[] terms)
    {
        foreach (var (id, objective) in terms)
        {
            if (objective.LearnsFrom != terms[0].Objective.LearnsFrom)
            {
                throw new PlumblineException($"term '{id}' learns from {Word(objective)}, and objective '{terms[0].Id}' from {Word(terms[0].Objective)}; one stage can't do both");
            }

            if (objective.OnPolicyOnly && options.UpdatesPerStep > 1)
            {
                throw new PlumblineException($"objective '{id}' is right for one update of a rollout alone, and epochs_per_batch times minibatches is {options.UpdatesPerStep}; set both to 1, or take an estimator with importance weights");
            }

            if (objective.Columns.Count > 0)
            {
                throw new PlumblineException($"objective '{id}' reads the data's column '{objective.Columns[0].Name}', and this loop has samples of its own instead of data");
            }
        }

        static string Word(TransitionObjective objective) => objective.LearnsFrom.ToString().ToLowerInvariant();
    }
}
