using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Rso;

/// <summary>Belongs to the claim of <c>rso</c>: how far the accepted answers are from the optimal policy, on forty answers whose policy is known exactly.</summary>
/// <remarks>Total variation to π_r ~ π_sft exp(r/β): accepted (rejection sampling), sft (the first candidates), top (the best candidates).</remarks>
[Evaluation("rso-acceptance")]
public sealed class RsoAcceptance : IEvaluation
{
    private const int Answers = 40;
    private const int Prompts = 1500;
    private const int Candidates = 64;
    private static readonly RejectionSamplingOptions Options = new();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        var draws = stage.Run.Draws.Key("rso-acceptance");
        // A flat Dirichlet: exponentials over their sum.
        double[] policy = Normalized(Enumerable.Range(0, Answers).Select(answer => -Math.Log(1 - draws.Key("policy").Key(answer).Uniform())));
        double[] rewards = [.. Enumerable.Range(0, Answers).Select(answer => draws.Key("reward").Key(answer).Normal())];
        double[] optimal = Normalized(policy.Zip(rewards, (p, r) => p * Math.Exp(r / Options.Beta)));

        int[] drawn = [.. Enumerable.Range(0, Prompts * Candidates).Select(i => Invert(policy, draws.Key("candidate").Key(i).Uniform()))];
        double[] uniforms = [.. Enumerable.Range(0, Options.NumSamples * drawn.Length).Select(i => draws.Key("accept").Key(i).Uniform())];
        var accepted = Rso.RejectionSample(
            tensor(drawn.Select(answer => rewards[answer]).ToArray()), arange(Prompts).repeat_interleave(Candidates), tensor(uniforms, [Options.NumSamples, drawn.Length]), Options).Tensor("accepted");
        var groups = drawn.Chunk(Candidates);
        return new Dictionary<string, double>
        {
            ["accepted"] = Distance(optimal, accepted.data<long>().ToArray().Select(place => drawn[place])),
            ["sft"] = Distance(optimal, groups.SelectMany(group => group.Take(Options.NumSamples))),
            ["top"] = Distance(optimal, groups.SelectMany(group => group.OrderByDescending(answer => rewards[answer]).Take(Options.NumSamples))),
        };
    }

    private static double[] Normalized(IEnumerable<double> weights)
    {
        double[] all = [.. weights];
        var sum = all.Sum();
        return [.. all.Select(weight => weight / sum)];
    }

    private static int Invert(double[] probabilities, double uniform)
    {
        var answer = 0;
        for (; answer < probabilities.Length - 1 && uniform >= probabilities[answer]; answer++)
        {
            uniform -= probabilities[answer];
        }

        return answer;
    }

    private static double Distance(double[] optimal, IEnumerable<int> answers)
    {
        var counts = new double[optimal.Length];
        foreach (var answer in answers)
        {
            counts[answer]++;
        }

        return Normalized(counts).Zip(optimal, (p, q) => Math.Abs(p - q)).Sum() / 2;
    }
}
