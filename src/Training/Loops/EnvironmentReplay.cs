using Plumbline.Training.Decisions;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>environment-replay</c>.</summary>
public sealed record EnvironmentReplayOptions : TrainingOptions, IChecksItself
{
    /// <summary>What learns the values of actions, and says which is the best.</summary>
    public required Part<ReplayObjective> Objective { get; init; }

    /// <summary>Further losses added to it.</summary>
    public IReadOnlyList<Part<ReplayObjective>> Terms { get; init; } = [];

    /// <summary>The decision problem.</summary>
    public required Part<IVectorEnvironment> Environment { get; init; }

    /// <summary>Episodes that are played side by side.</summary>
    [Positive]
    public int Episodes { get; init; } = 8;

    /// <summary>Updates a step; before each, every episode goes one step on.</summary>
    [Positive]
    public int Updates { get; init; } = 1;

    /// <summary>Transitions an update.</summary>
    [Positive]
    public int BatchSize { get; init; } = 64;

    /// <summary>Transitions kept; the oldest give way.</summary>
    [Positive]
    public int Capacity { get; init; } = 50_000;

    /// <summary>Transitions at least before the first update, played at random with the first epsilon; null: a batch.</summary>
    [Positive]
    public int? ReplayStart { get; init; }

    /// <summary>The chance of an action at random at the first step.</summary>
    [Interval(0, 1)]
    public double EpsilonFrom { get; init; } = 1.0;

    /// <summary>The chance that it falls to, in a line.</summary>
    [Interval(0, 1)]
    public double EpsilonTo { get; init; } = 0.1;

    /// <summary>The share of the steps over which it falls.</summary>
    [Interval(0, 1)]
    public double EpsilonFraction { get; init; } = 0.5;

    /// <summary>Updates between two copies of the network into the target network.</summary>
    [Positive]
    public int TargetEvery { get; init; } = 200;

    /// <summary>An episode's stock begins anywhere from here ...</summary>
    public double StockFrom { get; init; }

    /// <summary>... to here.</summary>
    public double StockTo { get; init; }

    /// <inheritdoc/>
    internal override int UpdatesPerStep => Updates;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (StockTo < StockFrom)
        {
            yield return $"stock_to must be at least stock_from, which is {StockFrom}, was {StockTo}";
        }

        if (Capacity < Math.Max(BatchSize, ReplayStart ?? 0))
        {
            yield return $"capacity must be at least {(ReplayStart > BatchSize ? "replay_start" : "batch_size")}, was {Capacity}";
        }
    }

    /// <inheritdoc/>
    public override Cost Estimate(IServiceProvider services) => new()
    {
        Steps = Steps,
        TrainedSequences = (long)BatchSize * Updates,
        SampledSequences = (long)Episodes * Updates,
        FrozenCopies = 1,
    };

    /// <summary>The chance of an action at random at a step.</summary>
    internal double Epsilon(int step)
    {
        var done = EpsilonFraction * Steps is var over and > 0 ? Math.Min(1, step / over) : 1;
        return EpsilonFrom + ((EpsilonTo - EpsilonFrom) * done);
    }
}

/// <summary>Acts in a decision problem, keeps the transitions, and learns the values of actions from past ones, against a target network that follows now and then.</summary>
/// <remarks>
/// The network gives each action particles of the return to go. A state may carry a stock, which an objective reads: it is drawn when an episode begins and follows
/// from the rewards, and the network is shown it after the observation.
/// </remarks>
[Loop(Loop.EnvironmentReplay)]
public sealed class EnvironmentReplay(EnvironmentReplayOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var model = stage.Run.Models.Get<IFunctionModel>("policy");
        var environment = options.Environment.Create(stage.Services);
        (string Id, ReplayObjective Objective)[] terms = [.. options.Terms.Prepend(options.Objective).Select(part => (part.Id, part.Create(stage.Services)))];
        var objective = terms[0].Objective;
        var values = new ValuedActions(model, environment, objective);
        var buffer = new ReplayBuffer(options.Capacity, environment.ObservationSize);
        var episodes = new ReplayEpisodes(options, environment, values, model, objective, buffer, stage.Draws.Key("play"));
        using var learner = new Learner(stage, options, terms.Select(term => (term.Id, (IObjective)term.Objective)), null, model.Network.parameters());
        if (learner.Needs != Needs.None)
        {
            throw new PlumblineException($"objective '{options.Objective.Id}' or a term needs {learner.Needs}, which the loop {Loop.EnvironmentReplay} does not compute");
        }

        using var target = (IFunctionModel)model.Freeze();
        Fill();
        StepLoop.Run(stage, options, Step, cancel);

        void Fill()
        {
            while (buffer.Count < (options.ReplayStart ?? options.BatchSize) && !cancel.IsCancellationRequested)
            {
                using var scope = NewDisposeScope();
                Play(options.EpsilonFrom);
            }
        }

        void Play(double epsilon)
        {
            stage.Recorder.InHand(Kinds.Environment + " " + options.Environment.Id, "playing");
            model.Network.eval();
            episodes.Step(epsilon);
            model.Network.train();
        }

        StepLoop.StepResult Step(int step)
        {
            var metrics = new Dictionary<string, double>();
            var epsilon = options.Epsilon(step);
            for (var update = 0; update < options.Updates; update++)
            {
                Play(epsilon);
                stage.Recorder.InHand(Kinds.Objective + " " + options.Objective.Id, "training");
                using var scope = NewDisposeScope();
                learner.Update(Batch(), step, metrics, options.BatchSize);
                if (learner.Updates % options.TargetEvery == 0)
                {
                    target.Network.load_state_dict(model.Network.state_dict());
                }
            }

            (metrics["epsilon"], metrics["replay"]) = (epsilon, buffer.Count);
            if (episodes.Return is { } mean)
            {
                metrics["episode_return"] = mean;
            }

            return new(metrics, (long)options.BatchSize * options.Updates);
        }

        ReplayBatch Batch()
        {
            var like = model.Network.parameters().First();
            var past = buffer.Draw(options.BatchSize, stage.Draws.Key("replay").Key(learner.Updates), like.device, like.dtype);
            var batch = new ReplayBatch { ["actions"] = past.Actions, ["rewards"] = past.Rewards, ["terminals"] = past.Terminals, ["stocks"] = past.Stocks };
            using (no_grad())
            {
                batch.With("next_particles", values.Particles(target, past.NextObservations, objective.NextStocks(past.Stocks, past.Rewards)));
            }

            batch.With("particles", values.Particles(model, past.Observations, past.Stocks));
            return batch;
        }
    }
}
