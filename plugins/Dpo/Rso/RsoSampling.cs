using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Rso;

/// <summary>Prompts to RSO's pairs: candidates of the policy, rejection-sampled towards the optimal policy, ranked against each other.</summary>
/// <remarks>Each prompt gives several rows, with chosen, rejected, chosen_score, rejected_score. The policy is the one the stage begins with: the SFT model.</remarks>
[Transform("rso")]
[Default("sampler", "kv-cache")]
[Default("sampler.group_size", 64)]
[Default("sampler.temperature", 0.7)]
[Default("sampler.top_k", 40)]
public sealed class RsoSampling(RsoSamplingOptions options, StageContext stage) : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) =>
        [.. new PolicyAnswers(stage, options.Sampler, options.Rewards).Of(rows, null, draws, cancel).SelectMany(answers => Pairs(answers, draws.Key("rso").Key(answers.Example.Index)))];

    private List<Example> Pairs(ScoredAnswers candidates, Draws draws)
    {
        using var scope = NewDisposeScope();
        var accepted = options.AcceptAll ? [.. Enumerable.Range(0, options.NumSamples)] : Accepted(candidates.Scores, draws.Key("accept"));
        var order = draws.Key("order").Permutation(accepted.Length);
        var preference = Preference(candidates, accepted, order, draws.Key("judge"));
        var ranked = Rso.RankPairs(tensor(preference), tensor(order), new RankPairsOptions { Ranking = options.Ranking });
        var (chosen, rejected) = (ranked.Tensor("chosen_index").data<long>().ToArray(), ranked.Tensor("rejected_index").data<long>().ToArray());
        // From rewards alone an even pair says nothing of which is better.
        return [.. Enumerable.Range(0, chosen.Length)
            .Where(pair => options.Judge is not null || preference[chosen[pair], rejected[pair]] != 0.5)
            .Select(pair => candidates.Pair((candidates.Example.Index * options.NumSamples) + pair, accepted[chosen[pair]], accepted[rejected[pair]]))];
    }

    private int[] Accepted(double[] scores, Draws draws)
    {
        double[] uniforms = [.. Enumerable.Range(0, options.NumSamples).SelectMany(round => Enumerable.Range(0, scores.Length).Select(i => draws.Key(round).Key(i).Uniform()))];
        var found = Rso.RejectionSample(tensor(scores), zeros([scores.Length], ScalarType.Int64), tensor(uniforms, [options.NumSamples, scores.Length]), options);
        return [.. found.Tensor("accepted").data<long>().ToArray().Select(place => (int)place)];
    }

    /// <summary>P(row beats column) of the accepted answers; 0 where two never meet and need no judgement.</summary>
    private double[,] Preference(ScoredAnswers candidates, int[] accepted, int[] order, Draws draws)
    {
        var all = from a in Enumerable.Range(0, accepted.Length) from b in Enumerable.Range(a + 1, accepted.Length - a - 1) select (A: a, B: b);
        var meeting = options.Ranking == Ranking.Tournament ? [.. all] : order.Chunk(2).Where(pair => pair.Length == 2).Select(pair => (A: pair[0], B: pair[1])).ToArray();
        var judged = options.Judge is { } judge
            ? Judgements.Of(judge.Create(stage.Services), judge.Id, [.. meeting.Select(pair => (candidates.Answers[accepted[pair.A]], candidates.Answers[accepted[pair.B]]))], new RewardContext(0, 1, draws))
            : [.. meeting.Select(pair => (1 + Math.Sign(candidates.Scores[accepted[pair.A]] - candidates.Scores[accepted[pair.B]])) / 2.0)];
        var preference = new double[accepted.Length, accepted.Length];
        for (var i = 0; i < meeting.Length; i++)
        {
            (preference[meeting[i].A, meeting[i].B], preference[meeting[i].B, meeting[i].A]) = (judged[i], 1 - judged[i]);
        }

        return preference;
    }
}
