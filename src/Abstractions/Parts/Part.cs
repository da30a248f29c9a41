namespace Plumbline;

/// <summary>A part that an options record names: which one, with which options. The loop creates it.</summary>
/// <typeparam name="T">The contract the part fulfils; its <see cref="KindAttribute"/> says the kind.</typeparam>
/// <remarks>In a manifest: <c>"sampler": { "use": "kv-cache", "temperature": 0.7 }</c>, or just <c>"sampler": "kv-cache"</c>.</remarks>
public sealed class Part<T>(string id, object? options, Func<IServiceProvider, T> create) : IPart
    where T : class
{
    /// <inheritdoc/>
    public string Id { get; } = id;

    /// <inheritdoc/>
    public object? Options { get; } = options;

    /// <summary>Makes the part. A constructor that throws is reported with the part's kind and id.</summary>
    public T Create(IServiceProvider services) => create(services);

    /// <summary>A part that is at hand already; for tests and for loops that compose in code.</summary>
    public static Part<T> Of(string id, T instance) => new(id, null, _ => instance);
}

/// <summary>What every <see cref="Part{T}"/> shows without its contract type.</summary>
public interface IPart
{
    /// <summary>The id a manifest names.</summary>
    string Id { get; }

    /// <summary>The bound options record; null where the part has none.</summary>
    object? Options { get; }
}
