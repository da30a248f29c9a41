using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;

namespace Plumbline.Tests;

/// <summary>Keeps in memory what a stage tells.</summary>
internal sealed class MemoryRecorder : IRecorder
{
    /// <summary>One line a step, as metrics.jsonl would hold it.</summary>
    internal List<string> Lines { get; } = [];

    internal List<IReadOnlyDictionary<string, double>> Metrics { get; } = [];

    /// <summary>Tensors alive at the end of each step.</summary>
    internal List<long> LiveTensors { get; } = [];

    internal List<JsonObject> Samples { get; } = [];

    internal List<Diagnosis> Diagnoses { get; } = [];

    internal Action<int>? OnStep { get; init; }

    public void Begin(int steps)
    {
    }

    public void InHand(string part, string phase)
    {
    }

    public void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens)
    {
        Assert.Equal(Metrics.Count, step);
        Lines.Add(JsonSerializer.Serialize(metrics));
        Metrics.Add(metrics);
        LiveTensors.Add(torch.Tensor.TotalCount);
        OnStep?.Invoke(step);
    }

    public void Sample(JsonObject sample) => Samples.Add(sample);

    public void Diagnose(Diagnosis diagnosis) => Diagnoses.Add(diagnosis);
}
