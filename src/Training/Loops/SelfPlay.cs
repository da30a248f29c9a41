using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>The policy plays against itself and learns from pairs of its own answers with their win rates.</summary>
/// <remarks>
/// Beside a pair batch's usual inputs there are <c>chosen_win_rates</c>, <c>rejected_win_rates</c> [B]; within iterations also <c>chosen_probs</c>,
/// P(chosen beats rejected), and <c>chosen_scores</c>, <c>rejected_scores</c>: the rewards' sums, or the mean over the prompt's answers of the judge's log-odds.
/// At every step no order is implied: the chosen answer is the first. The reference is the policy as it was when the iteration, or the stage, began.
/// Log-probabilities are those at temperature 1, whatever the sampler's.
/// </remarks>
[Loop(Loop.SelfPlay)]
[Default("sampler", "kv-cache")]
public sealed class SelfPlay(SelfPlayOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Policy;
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var source = new AnswerSource(options, stage, cancel);
        var iterations = options.Play == SelfPlayKind.Iterations ? new IterationPool(options, stage, source) : null;
        var opponents = options.Play == SelfPlayKind.Iterations ? null : new OpponentPlay(options, stage, source);
        PairScorer scorer = null!;
        PlayedPair[] pool = [];
        EpochOrder order = null!;
        var iteration = -1;
        policy.Network.train();
        var learner = NewLearner();
        try
        {
            StepLoop.Run(stage, options, Step, cancel);
            opponents?.Close();
        }
        finally
        {
            learner.Dispose();
        }

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            if (options.Iteration(step) is var now && now != iteration)
            {
                Enter(now, step, metrics);
            }

            if (options.Iterations > 1)
            {
                metrics["iteration"] = iteration;
            }

            var tokens = options.Play switch
            {
                SelfPlayKind.Iterations => Update(step, [.. order.Take((long)(step - options.FirstStep(iteration)) * options.BatchSize, options.BatchSize).Select(place => pool[place])], metrics),
                SelfPlayKind.Steps => Update(step, opponents!.Play(step, "answers", metrics, cancel), metrics),
                _ => LookAhead(step, metrics),
            };
            return new(metrics, tokens);
        }

        void Enter(int next, int step, Dictionary<string, double> metrics)
        {
            if (iteration >= 0 && options.ResetOptimizer)
            {
                learner.Dispose();
                learner = NewLearner(next);
            }

            ICausalModel? reference = null;
            if ((learner.Needs & PairScorer.OfReference) != 0)
            {
                reference = iteration < 0 || options.ReferenceRefresh == ReferenceRefresh.Phase ? ReferencePolicy.Freeze(stage) : stage.Run.Models.Get<ICausalModel>("reference");
            }

            iteration = next;
            scorer = new PairScorer(policy, reference, learner.Needs);
            if (iterations is not null)
            {
                pool = iterations.Play(iteration, step, metrics, cancel);
                order = new EpochOrder(pool.Length, stage.Draws.Key("order").Key(iteration));
            }
        }

        // A trial update, answers of the trial policy, and the real update from where the trial began.
        long LookAhead(int step, Dictionary<string, double> metrics)
        {
            var restore = learner.Snapshot();
            var trial = new Dictionary<string, double>();
            var tokens = Update(step, opponents!.Play(step, "trial", metrics, cancel), trial);
            var pairs = opponents.Play(step, "answers", metrics, cancel);
            restore();
            tokens += Update(step, pairs, metrics);
            metrics["trial_loss"] = trial["loss"];
            return tokens;
        }

        long Update(int step, PlayedPair[] pairs, Dictionary<string, double> metrics)
        {
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            using var scope = NewDisposeScope();
            var batch = PlayedPair.Batch(scorer, pairs, learner.Columns);
            learner.Update(batch, options.ResetOptimizer ? step - options.FirstStep(iteration) : step, metrics, pairs.Length);
            PairScorer.Tell(batch, metrics);
            if (options.WriteSamples && opponents is not null && step % 20 == 0)
            {
                pairs[0].Record(stage, step);
            }

            return pairs.Sum(pair => pair.Tokens);
        }

        // The schedule of a fresh optimiser runs over its iteration.
        Learner NewLearner(int first = 0) => new(
            stage, options.ResetOptimizer ? options with { Steps = options.FirstStep(first + 1) - options.FirstStep(first) } : options, terms, policy, policy.Network.parameters());
    }
}
