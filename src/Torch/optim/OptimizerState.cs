using static TorchSharp.torch;

namespace TorchSharp.Modules;

/// <summary>What an optimiser remembers of one parameter; its tensors belong to it.</summary>
public abstract class OptimizerState
{
    protected readonly Parameter _parameter;

    protected OptimizerState(Parameter parameter) => _parameter = parameter;

    /// <summary>Updates made, where the method counts them.</summary>
    internal virtual long Count { get; set; }

    /// <summary>The tensors, in an order of their own; null where there is none yet.</summary>
    internal abstract Tensor?[] Held { get; set; }

    /// <summary>Back to the beginning.</summary>
    public abstract void Initialize(OptimizerOptions options);

    public virtual void to(Device device) => Replace([.. Held.Select(tensor => tensor?.to(device))]);

    public virtual void SaveStateDict(BinaryWriter writer)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.Write(Count);
        foreach (var tensor in Held)
        {
            writer.Write(tensor is not null);
            if (tensor is not null)
            {
                using var plain = tensor.cpu().contiguous();
                writer.Write((sbyte)plain.dtype);
                writer.Write(plain.bytes);
            }
        }
    }

    public virtual void LoadStateDict(BinaryReader reader)
    {
        ArgumentNullException.ThrowIfNull(reader);
        Count = reader.ReadInt64();
        var read = new Tensor?[Held.Length];
        for (var i = 0; i < read.Length; i++)
        {
            if (reader.ReadBoolean())
            {
                using var plain = empty(_parameter.shape, (ScalarType)reader.ReadSByte());
                reader.BaseStream.ReadExactly(plain.bytes);
                read[i] = plain.to(_parameter.device, copy: true);
            }
        }

        Replace(read);
    }

    public virtual void LoadStateDict(OptimizerState source)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (ReferenceEquals(source, this))
        {
            return;
        }

        if (source.GetType() != GetType())
        {
            throw new ArgumentException($"a state of {source.GetType().DeclaringType?.Name} does not fit {GetType().DeclaringType?.Name}");
        }

        Count = source.Count;
        Replace([.. source.Held.Select(tensor => tensor?.to(_parameter.device, copy: true))]);
    }

    public virtual bool ApproximatelyEquals(OptimizerState other) =>
        other is not null && other.GetType() == GetType() && other.Count == Count
        && Held.Zip(other.Held).All(pair => pair.First is null ? pair.Second is null : pair.Second is not null && pair.First.allclose(pair.Second));

    internal void Free()
    {
        foreach (var tensor in Held)
        {
            tensor?.Dispose();
        }
    }

    internal Tensor Zeros() => zeros_like(_parameter).DetachFromDisposeScope();

    internal void Replace(Tensor?[] by)
    {
        var before = Held;
        Held = [.. by.Select(tensor => tensor?.DetachFromDisposeScope())];
        foreach (var tensor in before.Where(tensor => tensor is not null && !by.Contains(tensor)))
        {
            tensor!.Dispose();
        }
    }
}
