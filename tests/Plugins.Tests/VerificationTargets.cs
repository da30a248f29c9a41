using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins.Verification;

/// <summary>Small functions for the checks of the checker.</summary>
public static class VerificationTargets
{
    public sealed record ScaleOptions
    {
        [Positive]
        public double Scale { get; init; } = 2;
    }

    public sealed record Node(string Name, int[] Children);

    public sealed record Tree(IReadOnlyList<Node> Nodes, double Weight, bool Leafy, string? Note);

    [Target("test/square")]
    public static Loss Square(Tensor x, ScaleOptions options) => new((x * x).sum() * options.Scale) { ["values"] = (x * x).detach() };

    [Target("test/unused")]
    public static Loss Unused(Tensor x, Tensor y) => new((x * 1).sum() + (0 * y.detach()).sum());

    [Target("test/tied")]
    public static Loss Tied(Tensor x) => new(x.sum()) { ["metric"] = x * 2 };

    [Target("test/single")]
    public static Outputs Single(Tensor x) => new() { ["values"] = x.to_type(ScalarType.Float32) };

    [Target("test/refuses")]
    public static Tensor Refuses(Tensor x) => throw new InvalidInputException($"the input 'x' has {x.numel()} elements");

    [Target("test/breaks")]
    public static Tensor Breaks(Tensor x) => throw new InvalidOperationException($"broken at {x.numel()}");

    [Target("test/double")]
    public static double Double(double value, int times = 2) => value * times;

    [Target("test/tree")]
    public static Tree Build(IReadOnlyList<Node> nodes, string text, double[] weights) =>
        new([.. nodes.Select(node => node with { Name = node.Name + text })], weights.Sum(), nodes.Count > 1, null);

    [Target("test/tensors")]
    public static Outputs Tensors(IReadOnlyList<Tensor> list, IReadOnlyDictionary<string, Tensor> named) =>
        new() { ["sums"] = list.Select(item => item.sum().ToDouble()).ToArray(), ["named"] = named.ToDictionary(pair => pair.Key, pair => pair.Value * 2) };

    [Target("test/batch")]
    public static Outputs Whole(Batch batch) => new() { ["sum"] = batch["x"].sum().ToDouble() + batch.Number("n")!.Value };
}

[Objective("test-mean")]
public sealed class MeanObjective : SequenceObjective
{
    public override Loss Compute(SequenceBatch batch) => new(batch.Logps.mean());
}
