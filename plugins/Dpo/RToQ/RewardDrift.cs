using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RToQ;

/// <summary>Watches the implicit rewards of any stage on fixed pairs, against one or more references, and the drift that the references expect.</summary>
/// <remarks>
/// Each time it tells, for every role, chosen_reward, rejected_reward (means of an answer's summed token rewards) and drift (-β KL of reference and policy, summed
/// along the chosen answers). Implicit rewards fall where the reference fits the answers, above all after SFT on them: drift says how much of the fall is that.
/// </remarks>
[Observer("r-to-q")]
public sealed class RewardDrift(RewardDriftOptions options, StageContext stage) : IObserver
{
    private const int SequencesAtATime = 128;
    private IReadOnlyList<PromptedSequence> _pairs = [];

    /// <inheritdoc/>
    public void OnBegin(int steps, IRecorder recorder)
    {
        var data = options.Data.Create(stage.Services).Load(stage.Run);
        Example[] rows = [.. (options.Split == Split.HeldOut ? data.HeldOut : data.Train).Take(options.Limit)];
        _pairs = rows.Length > 0 ? PolicySamples.Stored(stage, rows, "chosen", "rejected")
            : throw new PlumblineException($"the observer r-to-q has no pairs: that part of data '{options.Data.Id}' is empty; set its held_out, or split to \"train\"");
    }

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measure(int step)
    {
        var measured = new Dictionary<string, double>();
        if ((step + 1) % options.Every != 0)
        {
            return measured;
        }

        var training = stage.Policy.Network.training;
        stage.Policy.Network.eval();
        foreach (var role in options.References)
        {
            var (chosen, rejected, drift) = Against(stage.Run.Models.Get<ICausalModel>(role));
            measured[$"r-to-q/{role}/chosen_reward"] = chosen;
            measured[$"r-to-q/{role}/rejected_reward"] = rejected;
            measured[$"r-to-q/{role}/drift"] = drift;
        }

        stage.Policy.Network.train(training);
        return measured;
    }

    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;

    /// <summary>Means over the pairs.</summary>
    private (double Chosen, double Rejected, double Drift) Against(ICausalModel reference)
    {
        using var still = no_grad();
        var (policy, frozen) = (new SequenceScorer(stage.Policy), new SequenceScorer(reference));
        var credit = new CreditOptions { Beta = options.Beta };
        var (totals, expected) = (new List<double>(), new List<double>());
        foreach (var some in _pairs.Chunk(SequencesAtATime))
        {
            using var scope = NewDisposeScope();
            var (mine, its) = (policy.Score(some, Needs.Logits), frozen.Score(some, Needs.Logits));
            totals.AddRange(Numbers(RToQ.Credit(mine.Logps, its.Logps, mine.Mask, credit).Tensor("totals")));
            expected.AddRange(Numbers(RToQ.Drift(mine.Logits!, its.Logits!, mine.Mask, options).Tensor("expected_rewards")));
        }

        // A pair's two answers are next to each other.
        return (EveryOther(totals, 0), EveryOther(totals, 1), EveryOther(expected, 0));

        static double EveryOther(List<double> all, int from) => all.Where((_, i) => i % 2 == from).Average();
    }

    private static double[] Numbers(Tensor values) => values.to_type(ScalarType.Float64).cpu().data<double>().ToArray();
}
