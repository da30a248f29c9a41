namespace Plumbline;

/// <summary>A model that predicts what lies under noise: the network of a diffusion or flow model.</summary>
public interface IDenoisingModel : IModel
{
    /// <summary>The shape of one sample.</summary>
    IReadOnlyList<long> SampleShape { get; }

    /// <summary>What the network was made to predict: the noise, the clean sample, their mixture or the velocity; the loop says which.</summary>
    /// <param name="noisy">[B,...SampleShape].</param>
    /// <param name="time">[B] in [0,1]: 0 is clean, 1 is noise.</param>
    /// <param name="condition">[B] int64 classes or [B,...] embeddings; null runs every row without a condition.</param>
    /// <param name="unconditional">[B] bool: rows that run without their condition; null: none.</param>
    /// <returns>[B,...SampleShape].</returns>
    Tensor Predict(Tensor noisy, Tensor time, Tensor? condition, Tensor? unconditional = null);
}

/// <summary>Samples to scores: what a reward is where samples are tensors.</summary>
[Kind(Kinds.Reward)]
public interface ISampleReward
{
    /// <summary>Scores samples.</summary>
    /// <param name="samples">[N,...].</param>
    /// <param name="conditions">[N] or [N,...] what each was asked to be; null where nothing was asked.</param>
    /// <param name="context">What a reward may know besides.</param>
    Scores Score(Tensor samples, Tensor? conditions, RewardContext context);
}

/// <summary>A source of examples that are tensors.</summary>
[Kind(Kinds.Data)]
public interface ITensorData
{
    /// <summary>Reads or makes the examples on the run's device; the same ones on every call.</summary>
    /// <exception cref="PlumblineException">The source is absent or malformed; the message names the place and the remedy.</exception>
    TensorSet Load(RunContext run);
}

/// <summary>Examples in columns: each a tensor whose first dimension is the rows. Whoever loads the set disposes of it.</summary>
public sealed class TensorSet : IDisposable
{
    /// <summary>A set of columns to learn from, and those kept apart for evaluation.</summary>
    /// <exception cref="ArgumentException">Columns differ in rows.</exception>
    public TensorSet(IReadOnlyDictionary<string, Tensor> train, IReadOnlyDictionary<string, Tensor>? heldOut = null)
    {
        ArgumentNullException.ThrowIfNull(train);
        (Train, HeldOut) = (train, heldOut ?? new Dictionary<string, Tensor>());
        (Rows, HeldOutRows) = (Count(Train), Count(HeldOut));
        foreach (var column in Train.Values.Concat(HeldOut.Values))
        {
            _ = column.DetachFromDisposeScope();
        }
    }

    /// <summary>To learn from; the usual names are clean, condition, chosen, rejected, features, target, group.</summary>
    public IReadOnlyDictionary<string, Tensor> Train { get; }

    /// <summary>Never learnt from; may be empty.</summary>
    public IReadOnlyDictionary<string, Tensor> HeldOut { get; }

    /// <summary>Rows to learn from.</summary>
    public long Rows { get; }

    /// <summary>Rows kept apart.</summary>
    public long HeldOutRows { get; }

    /// <summary>A column to learn from.</summary>
    /// <exception cref="PlumblineException">There is none; the message says which there are.</exception>
    public Tensor Column(string name) => Train.TryGetValue(name, out var column) ? column
        : throw new PlumblineException($"the data has no column '{name}'; it has {string.Join(", ", Train.Keys)}");

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var column in Train.Values.Concat(HeldOut.Values))
        {
            column.Dispose();
        }
    }

    private static long Count(IReadOnlyDictionary<string, Tensor> columns)
    {
        var rows = columns.Values.Select(column => column.dim() == 0 ? 0 : column.shape[0]).Distinct().ToArray();
        return rows.Length <= 1 ? rows.SingleOrDefault()
            : throw new ArgumentException($"the columns differ in rows: {string.Join(", ", columns.Select(pair => $"{pair.Key} has {(pair.Value.dim() == 0 ? 0 : pair.Value.shape[0])}"))}", nameof(columns));
    }
}
