namespace Plumbline.Training;

/// <summary>Asks a stage's judge, in both orders where that is wanted; notices that a whole epoch of pairs was tied.</summary>
/// <param name="part">The judge.</param>
/// <param name="bothOrders">Judge each pair twice, the answers swapped, and average: a judge's liking for a place then cancels.</param>
/// <param name="stage">The stage.</param>
internal sealed class Judging(Part<IJudge> part, bool bothOrders, StageContext stage)
{
    private readonly IJudge _judge = part.Create(stage.Services);
    private int _pairs;
    private bool _informative;
    private bool _told;

    /// <summary>P(first beats second) of each pair.</summary>
    /// <exception cref="PlumblineException">Too few or too many, or none in [0,1]; the message names the judge.</exception>
    internal double[] Probabilities(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        stage.Recorder.InHand(Kinds.Judge + " " + part.Id, "judging");
        var forth = Ask(pairs);
        if (bothOrders)
        {
            var back = Ask([.. pairs.Select(pair => (pair.Second, pair.First))]);
            forth = [.. forth.Zip(back, (first, second) => (first + 1 - second) / 2)];
        }

        _pairs += pairs.Count;
        _informative |= forth.Any(probability => probability != 0.5);
        return forth;

        double[] Ask(IReadOnlyList<(Rollout First, Rollout Second)> asked) => Judgements.Of(_judge, part.Id, asked, context);
    }

    /// <summary>Adds what the judge tells to the metrics of a step.</summary>
    internal void AddTo(Dictionary<string, double> metrics)
    {
        foreach (var (name, value) in _judge.Metrics)
        {
            metrics["judge/" + name] = value;
        }
    }

    /// <summary>At the end of a pass over the prompts, and of the stage: says so, once, where nothing was preferred to anything.</summary>
    internal void Close()
    {
        if (_pairs > 0 && !_informative && !_told)
        {
            _told = true;
            stage.Recorder.Diagnose(new Diagnosis(
                "equal-preferences", $"judge '{part.Id}' held all of {_pairs} pairs in a row to be ties: nothing was learnt from them. Look at samples.jsonl; the answers may all be the same, or the judge may not see their difference"));
        }

        (_pairs, _informative) = (0, false);
    }
}
