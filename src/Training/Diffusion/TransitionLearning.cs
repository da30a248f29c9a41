using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Diffusion;

/// <summary>Scored trajectories to batches for an objective: rows of steps with advantages, pairs of rows with preferences, or samples.</summary>
internal sealed class TransitionLearning
{
    private readonly DiffusionRolloutsOptions _options;
    private readonly StageContext _stage;
    private readonly TransitionObjective _objective;
    private readonly IDiffusionModel _policy;
    private readonly TransitionScorer _scorer;
    private readonly TransitionAdvantages? _advantage;
    private readonly (string Id, ISampleJudge Part)? _judge;
    private ScoredTrajectories _scored = null!;
    private Tensor? _advantages;
    private Tensor? _preference;
    private (int First, int Second)[] _pairs = [];
    private bool[][] _trains = [];
    private int _step;

    internal TransitionLearning(
        DiffusionRolloutsOptions options, StageContext stage, (string Id, TransitionObjective Objective) objective, IDiffusionModel policy, TransitionScorer scorer)
    {
        (_options, _stage, _objective, _policy, _scorer) = (options, stage, objective.Objective, policy, scorer);
        if (_objective.LearnsFrom == LearnsFrom.Preferences)
        {
            _judge = options.Judge is { } named ? (named.Id, named.Create(stage.Services))
                : (objective.Id, _objective.Judge ?? throw new PlumblineException($"objective '{objective.Id}' learns from preferences, and nothing says which sample is better; add a judge"));
            RefuseUnread("advantage", options.Advantage);
            return;
        }

        RefuseUnread("judge", options.Judge);
        _advantage = options.Advantage is { } given ? new TransitionAdvantages(options, stage, given.Id, given.Create(stage.Services))
            : _objective.Advantage is { } own ? new TransitionAdvantages(options, stage, objective.Id, own)
            : new TransitionAdvantages(options, stage, GroupRelative.Id, new GroupRelative(new GroupRelativeOptions()));

        void RefuseUnread(string slot, IPart? part)
        {
            if (part is not null)
            {
                throw new PlumblineException($"objective '{objective.Id}' learns from {_objective.LearnsFrom.ToString().ToLowerInvariant()}, so nothing would read {slot} '{part.Id}'; take '{slot}' out");
            }
        }
    }

    private Trajectories Trajectories => _scored.Trajectories;

    private int Width => Trajectories.Rows.Count == 0 ? 0 : Trajectories.Rows[0].Count;

    private Device Device => Trajectories.States.device;

    private ScalarType Dtype => Kernels.WideType(Trajectories.States.dtype);

    /// <summary>Takes the trajectories of a step.</summary>
    /// <returns>The numbers of what there is to learn from: rows, pairs or samples.</returns>
    internal int[] Begin(ScoredTrajectories scored, int step, Dictionary<string, double> metrics)
    {
        (_scored, _step) = (scored, step);
        var differ = scored.GroupsThatDiffer();
        if (_options.DropEqualGroups)
        {
            metrics["dropped_groups"] = differ.Count(differs => !differs) / (double)differ.Length;
        }

        bool Stays(int group) => !_options.DropEqualGroups || differ[group];
        _trains = [.. Trajectories.Rows.Select(row => row.Select(edge => Trajectories.Trains[edge] && Stays(Trajectories.Groups[edge])).ToArray())];
        if (_judge is not null)
        {
            return Pairs(metrics);
        }

        Advantages(metrics);
        if (_objective.LearnsFrom == LearnsFrom.Samples)
        {
            return [.. Enumerable.Range(0, Trajectories.SampleGroups.Count).Where(sample => Stays(Trajectories.SampleGroups[sample]))];
        }

        RequireDensities();
        return [.. Enumerable.Range(0, _trains.Length).Where(row => _trains[row].Contains(true))];
    }

    /// <summary>The batch of an update.</summary>
    /// <param name="chosen">Numbers of rows, pairs or samples.</param>
    /// <param name="epoch">The pass over the trajectories, from 0.</param>
    /// <param name="first">Whether the policy is still the one that sampled.</param>
    /// <param name="metrics">Takes how far sampler and trainer differ.</param>
    /// <returns>The batch, and what takes the gradient on to the weights where its graph is not whole.</returns>
    internal (TransitionBatch Batch, Action? Backward) Batch(int[] chosen, int epoch, bool first, Dictionary<string, double> metrics) => _objective.LearnsFrom switch
    {
        LearnsFrom.Samples => (OfSamples(chosen, epoch), null),
        LearnsFrom.Preferences => OfPairs(chosen, epoch, first, metrics),
        _ => OfRows(chosen, epoch, first, metrics),
    };

    private (TransitionBatch Batch, Action? Backward) OfRows(int[] rows, int epoch, bool first, Dictionary<string, double> metrics)
    {
        var mask = Kept(rows, epoch);
        var places = Places(mask);
        int[] edges = [.. places.Select(place => Trajectories.Rows[rows[place / Width]][place % Width])];
        var scored = _scorer.Score(Trajectories, edges);
        var recorded = Select(Trajectories.Logps, edges);
        if (first)
        {
            metrics["sampler_gap"] = SamplerTripwire.Check(recorded, scored.Logps, ones_like(recorded), Trajectories.States.dtype);
        }

        Tensor? Lay(Tensor? values) => values is null ? null : Laid(values, places, rows.Length);
        var batch = new TransitionBatch
        {
            ["logps"] = Lay(scored.Logps)!,
            ["mask"] = Mask(mask),
            ["advantages"] = Select(_advantages!, rows),
        };
        batch.With("old_logps", first ? null : Lay(recorded)).With("reference_logps", Lay(scored.ReferenceLogps)).With("step_kl", Lay(scored.StepKl));
        return (batch, scored.Backward);
    }

    private (TransitionBatch Batch, Action? Backward) OfPairs(int[] chosen, int epoch, bool first, Dictionary<string, double> metrics)
    {
        var pairs = chosen.Select(pair => _pairs[pair]).ToArray();
        var mask = Kept([.. pairs.Select(pair => pair.First)], epoch);
        for (var i = 0; i < pairs.Length; i++)
        {
            mask[i] = [.. mask[i].Zip(_trains[pairs[i].Second], (a, b) => a && b)];
        }

        var places = Places(mask);
        int Edge(int row, int place) => Trajectories.Rows[row][place % Width];
        int[] ofFirst = [.. places.Select(place => Edge(pairs[place / Width].First, place))];
        int[] ofSecond = [.. places.Select(place => Edge(pairs[place / Width].Second, place))];
        // A trajectory may be in several pairs; the network runs it once.
        int[] edges = [.. ofFirst.Concat(ofSecond).Distinct()];
        var number = edges.Select((edge, i) => (edge, i)).ToDictionary(pair => pair.edge, pair => pair.i);
        var scored = _scorer.Score(Trajectories, edges);
        if (first)
        {
            metrics["sampler_gap"] = SamplerTripwire.Check(Select(Trajectories.Logps, edges), scored.Logps, ones_like(scored.Logps).detach(), Trajectories.States.dtype);
        }

        Tensor? Lay(Tensor? values, int[] side) => values is null ? null : Laid(Select(values, [.. side.Select(edge => number[edge])]), places, pairs.Length);
        var batch = new TransitionBatch
        {
            ["first_logps"] = Lay(scored.Logps, ofFirst)!,
            ["second_logps"] = Lay(scored.Logps, ofSecond)!,
            ["mask"] = Mask(mask),
            ["preference"] = Select(_preference!, chosen),
        };
        batch.With("first_reference_logps", Lay(scored.ReferenceLogps, ofFirst)).With("second_reference_logps", Lay(scored.ReferenceLogps, ofSecond));
        return (batch, scored.Backward);
    }

    private TransitionBatch OfSamples(int[] samples, int epoch)
    {
        var draws = _stage.Draws.Key("denoise").Key(_step).Key(epoch);
        var conditions = _scored.Conditions is { } asked ? Select(asked, samples) : null;
        Draws[] keys = [.. samples.Select(sample => draws.Key(sample))];
        var clean = Select(Trajectories.Samples, samples);
        var noise = NormalNoise.Of([.. keys.Select(key => key.Key("noise"))], _policy.SampleShape, clean.dtype, Device);
        var points = _policy.Process.Draw([.. keys.Select(key => key.Key("time"))], Device);
        var prediction = _policy.Predict(points.Level.AddNoise(clean, noise), points.Time, conditions);
        var errors = DenoisingLoss.PerSample(prediction, points.Level.Target(_policy.Process.Prediction, clean, noise));
        var advantages = _advantages!.dim() == 2 ? _advantages.mean([1]) : _advantages;
        return new TransitionBatch { ["errors"] = errors, ["advantages"] = Select(advantages, samples), ["mask"] = ones_like(errors).detach() };
    }

    private void Advantages(Dictionary<string, double> metrics)
    {
        (_advantages, var keep) = _advantage!.Of(_scored, _step, metrics);
        if (keep is not null)
        {
            _trains = [.. _trains.Select((row, number) => row.Select((trains, place) => trains && keep[(number * Width) + place]).ToArray())];
        }
    }

    /// <summary>All pairs of trajectories within each group, judged.</summary>
    private int[] Pairs(Dictionary<string, double> metrics)
    {
        var (id, judge) = _judge!.Value;
        if (Trajectories.Rows.Count != Trajectories.SampleGroups.Count)
        {
            throw new PlumblineException($"objective '{_options.Objective.Id}' compares whole trajectories, and sampler '{_options.Sampler.Id}' gives trajectories that share their beginnings; take the sampler 'diffusion'");
        }

        RequireDensities();
        var members = Enumerable.Range(0, Trajectories.SampleGroups.Count).Where(row => _scored.Scored?[row] ?? true).GroupBy(row => Trajectories.SampleGroups[row]);
        _pairs = [.. members.SelectMany(group => group.SelectMany((first, i) => group.Skip(i + 1).Select(second => (first, second))))];
        if (_pairs.Length == 0)
        {
            throw new PlumblineException($"sampler '{_options.Sampler.Id}' gives one sample a condition, and pairs are to be compared; set its group_size to 2 or more");
        }

        _stage.Recorder.InHand(Kinds.Judge + " " + id, "judging");
        using var still = no_grad();
        int[] firsts = [.. _pairs.Select(pair => pair.First)], seconds = [.. _pairs.Select(pair => pair.Second)];
        var rewards = _scored.Rewards(Device, Dtype);
        var outputs = judge.Judge(new Batch()
            .With("first_rewards", Select(rewards, firsts)).With("second_rewards", Select(rewards, seconds))
            .With("first_samples", Select(Trajectories.Samples, firsts)).With("second_samples", Select(Trajectories.Samples, seconds))
            .With("conditions", _scored.Conditions is { } asked ? Select(asked, firsts) : null));
        metrics.Add(outputs);
        metrics.Remove("preference");
        _preference = outputs.Tensor("preference");
        var tie = _preference.eq(0).all(1).cpu().data<bool>().ToArray();
        metrics["ties"] = tie.Average(tied => tied ? 1.0 : 0);
        return [.. Enumerable.Range(0, _pairs.Length).Where(pair => (_options.KeepTies || !tie[pair]) && _trains[_pairs[pair].First].Zip(_trains[_pairs[pair].Second]).Any(both => both.First && both.Second))];
    }

    /// <summary>The steps of rows that this pass trains.</summary>
    private bool[][] Kept(int[] rows, int epoch)
    {
        bool[][] mask = [.. rows.Select(row => _trains[row])];
        if (_options.TimestepFraction >= 1)
        {
            return mask;
        }

        var draws = _stage.Draws.Key("steps").Key(_step).Key(epoch);
        if (Width == 1)
        {
            var stay = draws.Permutation(rows.Length).Take(Share(rows.Length)).ToHashSet();
            return [.. mask.Select((row, i) => stay.Contains(i) ? row : [false])];
        }

        return [.. mask.Select((row, i) =>
        {
            int[] training = [.. Enumerable.Range(0, Width).Where(place => row[place])];
            var stay = draws.Key(rows[i]).Permutation(training.Length).Take(Share(training.Length)).Select(place => training[place]).ToHashSet();
            return row.Select((_, place) => stay.Contains(place)).ToArray();
        })];

        int Share(int count) => Math.Max(1, (int)(_options.TimestepFraction * count));
    }

    private void RequireDensities()
    {
        if (!Trajectories.Trains.Contains(true))
        {
            throw new PlumblineException($"no step of sampler '{_options.Sampler.Id}' has a density to learn from: without noise a step is no choice. Set eta (sde dance, or the path diffusion) or noise_level (sde flow_grpo) above 0");
        }
    }

    private int[] Places(bool[][] mask) => [.. Enumerable.Range(0, mask.Length * Width).Where(place => mask[place / Width][place % Width])];

    private Tensor Mask(bool[][] mask) => tensor(mask.SelectMany(row => row.Select(trains => trains ? 1f : 0f)).ToArray(), [mask.Length, Width], device: Device).to_type(Dtype);

    private Tensor Laid(Tensor values, int[] places, int rows) =>
        zeros([(long)rows * Width], values.dtype, values.device).index_add(0, tensor(places.Select(place => (long)place).ToArray(), device: values.device), values, 1).reshape(rows, Width);

    private static Tensor Select(Tensor values, int[] rows) => values.index_select(0, tensor(rows.Select(row => (long)row).ToArray(), device: values.device));
}
