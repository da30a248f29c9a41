namespace Plumbline.Training.Decisions;

/// <summary>Instances of a stream, usually one, with the weights that predict them.</summary>
public sealed class StreamBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public StreamBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public StreamBatch()
    {
    }

    /// <summary>[B,D].</summary>
    public Tensor Features => this["features"];

    /// <summary>[B] int64 the right classes.</summary>
    public Tensor Targets => this["targets"];

    /// <summary>[B,C] what the model makes of the features, with gradient; only where the objective reads it.</summary>
    public Tensor Outputs => this["outputs"];
}

/// <summary>An objective that learns from a stream of labelled instances.</summary>
/// <remarks>
/// The batch holds features, targets and the model's weights by their names; groups [B] int64, where the data has protected groups; and outputs.
/// The loss tells <c>predictions</c> [B,C], a score a class, made before anything is learnt from the instances: the loop measures them.
/// </remarks>
public abstract class StreamObjective : Objective<StreamBatch>
{
    /// <summary>Whether it reads outputs; else it makes its predictions of the weights itself.</summary>
    public virtual bool ReadsOutputs => true;
}
