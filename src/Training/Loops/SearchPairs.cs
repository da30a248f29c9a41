using System.Text.Json.Nodes;
using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Each step searches a tree for each of some tasks by the policy, and learns from pairs of sibling steps by any loss on pairs.</summary>
/// <remarks>
/// The reference is the policy of the stage's beginning. A pair's prompt is all that leads to the node of the decision. Beside a pair batch's usual inputs
/// there are the numbers that the tree's pairs bring, [B] each. Log-probabilities of texts are those at temperature 1, whatever the space's.
/// A step whose searches gave no pair makes no update; where a whole pass over the tasks gives none, the stage says so.
/// </remarks>
[Loop(Loop.SearchPairs)]
[Default("search", "mcts")]
[Default("space", "text-steps")]
public sealed class SearchPairs(SearchPairsOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var policy = stage.Run.Models.Get<IModel>("policy");
        (string, IObjective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, (IObjective)part.Create(stage.Services)))];
        var (search, spaces, pairing) = (options.Search.Create(stage.Services), options.Space.Create(stage.Services), options.Pairs.Create(stage.Services));
        var tasks = Tasks(policy, spaces, cancel);
        using var learner = new Learner(stage, options, terms, policy as ICausalModel, policy.Network.parameters());
        RequireColumns(learner, pairing);
        var reference = (learner.Needs & PairScorer.OfReference) != 0 || options.RefreshEvery == 0 ? ReferencePolicy.Freeze<IModel>(stage) : null;
        var scorer = StepPairScorer.For(spaces, policy, (learner.Needs & PairScorer.OfReference) != 0 ? reference : null, learner.Needs);
        var order = new EpochOrder(tasks.Count, stage.Draws.Key("order"));
        var watch = new PairWatch(stage.Recorder, tasks.Count);
        using var searcher = new Searcher(policy, options.RefreshEvery == 0 ? reference : null, options.RefreshEvery);
        policy.Network.train();
        StepLoop.Run(stage, options, Step, cancel);
        watch.Close();

        StepLoop.StepResult Step(int step)
        {
            if (options.ResetOptimizer && step > 0)
            {
                learner.ResetOptimizers();
            }

            var metrics = new Dictionary<string, double>();
            var pairs = Found(step, metrics);
            watch.See(pairs.Count, options.TasksPerStep);
            stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
            var tokens = 0L;
            for (var update = 0; update < options.UpdatesPerRound && pairs.Count > 0; update++)
            {
                using var scope = NewDisposeScope();
                var chosen = options.Drawn(pairs, stage.Draws.Key("batch").Key(step).Key(update));
                var batch = scorer.Score(chosen);
                foreach (var name in pairing.Columns)
                {
                    batch.With(name, tensor(chosen.Select(pair => pair.Numbers[name]).ToArray(), device: batch.ChosenMask.device).to_type(batch.ChosenMask.dtype));
                }

                if (update == 0 && searcher.IsFresh && spaces.Temperature == 1)
                {
                    metrics["sampler_gap"] = Math.Max(
                        Gap(chosen.Select(pair => pair.Chosen), batch.PolicyChosenLogps, batch.ChosenMask, policy), Gap(chosen.Select(pair => pair.Rejected), batch.PolicyRejectedLogps, batch.RejectedMask, policy));
                }

                learner.Update(batch, step, metrics, chosen.Count);
                PairScorer.Tell(batch, metrics);
                tokens += batch.ChosenMask.numel() + batch.RejectedMask.numel();
            }

            return new(metrics, tokens);
        }

        List<StepPair> Found(int step, Dictionary<string, double> metrics)
        {
            stage.Recorder.InHand(Kinds.Search + " " + options.Search.Id, "searching");
            var searching = searcher.At(step);
            searching.Network.eval();
            try
            {
                var draws = stage.Draws.Key("search").Key(step);
                using var space = spaces.Open(searching);
                SearchTask[] chosen = [.. order.Take((long)step * options.TasksPerStep, options.TasksPerStep).Select((task, place) =>
                    new SearchTask(tasks[task].Example, tasks[task].Prompt, draws.Key(place).Key(tasks[task].Example.Index)))];
                var results = search.Search(space, space.Roots(chosen), cancel);
                var pairs = results.Where(result => !options.Filter || Right(result))
                    .SelectMany(result => pairing.Pairs(result).Take(options.PairsPerTask).Select(pair => StepPair.Of(result.Tree, pair, options.JoinChains))).ToList();
                metrics["pairs"] = pairs.Count;
                metrics["right"] = results.Average(result => Right(result) ? 1.0 : 0);
                metrics["nodes"] = results.Average(result => (double)result.Tree.Count);
                metrics["path_steps"] = results.Average(result => result.Paths[0].Count - 1.0);
                metrics["model_calls"] = results.Average(result => (double)result.ModelCalls);
                metrics["environment_steps"] = results.Average(result => (double)result.EnvironmentSteps);
                if (options.SampleEvery > 0 && step % options.SampleEvery == 0)
                {
                    stage.Recorder.Sample(new JsonObject
                    {
                        ["stage"] = stage.Name,
                        ["step"] = step,
                        ["prompt"] = chosen[0].Example.FindText("prompt"),
                        ["path"] = new JsonArray([.. results[0].Paths[0].Select(node => (JsonNode?)JsonValue.Create(node))]),
                        ["tree"] = results[0].Tree.ToJson(),
                    });
                }

                return pairs;
            }
            finally
            {
                policy.Network.train();
            }
        }
    }

    private bool Right(SearchResult result) => result.Best is { Terminal: true, Reward: { } reward } && reward >= options.RightAt;

    /// <summary>The rows of the data, with their prompts' tokens where the policy reads texts and the rows have some.</summary>
    private List<(Example Example, int[]? Prompt)> Tasks(IModel policy, ISearchSpaces spaces, CancellationToken cancel)
    {
        var rows = options.Rows(stage, cancel);
        return rows.Count == 0 ? throw new PlumblineException("the data set has no tasks to search")
            : policy is ICausalModel causal && spaces is not IActingSpaces && rows.All(row => row.FindText("prompt") is not null)
            ? [.. PromptSet.Build(rows, new SequenceBuilder(causal, options.MaxLength, options.Overlong), options.Overlong, stage.Log).Select(task => (task.Example, (int[]?)task.Prompt))]
            : [.. rows.Select(row => (row, (int[]?)null))];
    }

    private void RequireColumns(Learner learner, ITreePairs pairing)
    {
        if (learner.Columns.FirstOrDefault(column => !column.Optional && !pairing.Columns.Contains(column.Name)) is { } missing)
        {
            throw new PlumblineException($"the objective reads '{missing.Name}' of each pair, and the pairs of '{options.Pairs.Id}' bring {(pairing.Columns.Count == 0 ? "no numbers" : string.Join(", ", pairing.Columns))}; name other pairs or another objective");
        }
    }

    /// <summary>How far the log-probabilities recorded in the search are from the trainer's.</summary>
    private static double Gap(IEnumerable<IReadOnlyList<SearchState>> sides, Tensor computed, Tensor mask, IModel policy)
    {
        float[][] recorded = [.. sides.Select(side => side.SelectMany(state => state.Step!.Logps).ToArray())];
        var width = (int)computed.shape[1];
        var values = new float[recorded.Length * width];
        for (var row = 0; row < recorded.Length; row++)
        {
            recorded[row].CopyTo(values, row * width);
        }

        return SamplerTripwire.Check(tensor(values, [recorded.Length, width], device: computed.device).to_type(computed.dtype), computed, mask, policy.Network.parameters().First().dtype);
    }

    /// <summary>The policy that searches: the one in training, an older copy of it, or the first.</summary>
    private sealed class Searcher(IModel policy, IModel? first, int refreshEvery) : IDisposable
    {
        private IModel? _copy;

        /// <summary>Whether the last one given is the policy as it is.</summary>
        internal bool IsFresh { get; private set; }

        internal IModel At(int step)
        {
            IsFresh = first is null ? step % refreshEvery == 0 : step == 0;
            if (first is not null || refreshEvery == 1)
            {
                return first ?? policy;
            }

            if (IsFresh)
            {
                _copy?.Dispose();
                _copy = policy.Freeze();
            }

            return _copy!;
        }

        public void Dispose() => _copy?.Dispose();
    }

    /// <summary>Notices that a whole pass over the tasks gave no pair.</summary>
    private sealed class PairWatch(IRecorder recorder, int tasks)
    {
        private int _searched;
        private int _pairs;
        private bool _told;

        internal void See(int pairs, int searched)
        {
            _pairs += pairs;
            _searched += searched;
            if (_searched >= tasks)
            {
                Close();
            }
        }

        internal void Close()
        {
            if (_searched > 0 && _pairs == 0 && !_told)
            {
                _told = true;
                recorder.Diagnose(new Diagnosis(
                    "no-pairs", $"the searches of {_searched} tasks in a row gave no pair to learn from. Look at samples.jsonl: no search may end right (set filter to false to learn from them all the same), or all the steps proposed at a node may be the same"));
            }

            (_searched, _pairs) = (0, 0);
        }
    }
}
