using Microsoft.Extensions.Logging;

namespace Plumbline;

/// <summary>What every part of a run may know.</summary>
public sealed class RunContext
{
    /// <summary>The run's name.</summary>
    public required string Name { get; init; }

    /// <summary>Where the run's files are.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder that relative paths in the manifest start from: the manifest's own.</summary>
    public required string BaseFolder { get; init; }

    /// <summary>The seed that every draw is keyed by.</summary>
    public required long Seed { get; init; }

    /// <summary>Where tensors live.</summary>
    public required Device Device { get; init; }

    /// <summary>The floating dtype of weights and activations.</summary>
    public required ScalarType Dtype { get; init; }

    /// <summary>The source of chance, keyed by the seed.</summary>
    public Draws Draws => new(Seed);

    /// <summary>The models of the run by role, such as <c>policy</c> and <c>reference</c>; handed from stage to stage.</summary>
    public ModelSet Models { get; } = new();

    /// <summary>Data sets that stages have made for later ones, by name.</summary>
    public IDictionary<string, DataSet> DataSets { get; } = new Dictionary<string, DataSet>(StringComparer.Ordinal);

    /// <summary>A path of the manifest, made absolute.</summary>
    public string Resolve(string path) => Path.GetFullPath(path, BaseFolder);
}

/// <summary>What a stage's parts may know and use.</summary>
public sealed class StageContext
{
    /// <summary>The run.</summary>
    public required RunContext Run { get; init; }

    /// <summary>The stage's place in the manifest, from 0.</summary>
    public required int Index { get; init; }

    /// <summary>The stage's name.</summary>
    public required string Name { get; init; }

    /// <summary>The services that parts are created from.</summary>
    public required IServiceProvider Services { get; init; }

    /// <summary>Takes steps, samples and diagnoses.</summary>
    public required IRecorder Recorder { get; init; }

    /// <summary>For words to the user.</summary>
    public required ILogger Log { get; init; }

    /// <summary>The source of chance, keyed by seed and stage.</summary>
    public Draws Draws => Run.Draws.Key("stage").Key(Index);

    /// <summary>The policy as a language model.</summary>
    /// <exception cref="PlumblineException">The run's model is none.</exception>
    public ICausalModel Policy => Run.Models.Get<ICausalModel>("policy");
}

/// <summary>Models by role.</summary>
public sealed class ModelSet : IDisposable
{
    private readonly Dictionary<string, IModel> _models = new(StringComparer.Ordinal);

    /// <summary>The roles filled.</summary>
    public IReadOnlyCollection<string> Roles => _models.Keys;

    /// <summary>The model of a role.</summary>
    /// <exception cref="PlumblineException">There is none, or it is of another sort.</exception>
    public T Get<T>(string role)
        where T : class, IModel => _models.GetValueOrDefault(role) switch
        {
            T model => model,
            null => throw new PlumblineException($"the run has no model '{role}'; add a \"model\" to the manifest"),
            var other => throw new PlumblineException($"the model '{role}' is a {other.GetType().Name}, and a {typeof(T).Name} is needed here"),
        };

    /// <summary>Gives a role to a model; the one that had it is disposed of.</summary>
    public void Set(string role, IModel model)
    {
        if (_models.TryGetValue(role, out var before) && !ReferenceEquals(before, model))
        {
            before.Dispose();
        }

        _models[role] = model;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var model in _models.Values)
        {
            model.Dispose();
        }

        _models.Clear();
    }
}
