using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Plumbline.Plugins.KvCache;
using Plumbline.Plugins.Transformer;
using TorchSharp;

namespace Plumbline.Tests;

/// <summary>A run small enough for a test: two layers, thirteen tokens, data in memory.</summary>
internal sealed class Tiny : IDisposable
{
    internal Tiny(long seed = 7, ScalarType dtype = ScalarType.Float32, MemoryRecorder? recorder = null, Func<ICausalModel, ICausalModel>? wrap = null)
    {
        Run = NewRun(seed, dtype);
        Recorder = recorder ?? new MemoryRecorder();
        Stage = new StageContext
        {
            Run = Run,
            Index = 0,
            Name = "stage",
            Services = new NoServices(),
            Recorder = Recorder,
            Log = NullLogger.Instance,
        };
        ICausalModel model = NewModel(Run);
        Run.Models.Set("policy", wrap is null ? model : wrap(model));
    }

    internal RunContext Run { get; }

    internal StageContext Stage { get; }

    internal MemoryRecorder Recorder { get; }

    internal ICausalModel Policy => Stage.Policy;

    /// <summary>Every weight of the policy, one after the other.</summary>
    internal double[] Weights => WeightsOf(Policy);

    internal static double[] WeightsOf(IModel model)
    {
        using var scope = torch.NewDisposeScope();
        using var still = torch.no_grad();
        return [.. model.Network.parameters().SelectMany(parameter => parameter.to_type(ScalarType.Float64).reshape(-1).data<double>().ToArray())];
    }

    internal static RunContext NewRun(long seed, ScalarType dtype = ScalarType.Float32) => new()
    {
        Name = "test",
        Folder = Path.Combine(Path.GetTempPath(), "plumbline-" + Guid.NewGuid().ToString("N")),
        BaseFolder = Path.GetTempPath(),
        Seed = seed,
        Device = torch.CPU,
        Dtype = dtype,
    };

    internal static Transformer NewModel(RunContext run, Func<TransformerOptions, TransformerOptions>? change = null)
    {
        var options = new TransformerOptions
        {
            Tokenizer = Part<ITokenizer>.Of("letters", new Letters()),
            Layers = 2,
            Width = 16,
            Heads = 2,
            ContextLength = 24,
            InitStd = 0.2,
        };
        return new Transformer(change?.Invoke(options) ?? options, run, new NoServices());
    }

    internal static Part<ISampler> Sampler(int group = 4, int most = 5, double temperature = 1) =>
        Part<ISampler>.Of("kv-cache", new KvCache(new KvCacheOptions { GroupSize = group, MaxNewTokens = most, Temperature = temperature }));

    /// <summary>Rows of text columns, such as <c>("prompt", "ab")</c>.</summary>
    internal static Part<IData> Data(params (string Column, string Text)[][] rows) => Part<IData>.Of("memory", new Memory(
        [.. rows.Select((row, index) => new Example(index, new JsonObject([.. row.Select(pair => KeyValuePair.Create(pair.Column, (JsonNode?)pair.Text))])))]));

    /// <summary>Some prompts of unequal length, with completions, chosen and rejected answers.</summary>
    internal static Part<IData> Words() => Data([.. new[] { "ab", "b", "cde", "dcba", "e", "fa", "gab", "ha" }.Select(prompt => new[]
    {
        ("prompt", prompt), ("completion", prompt + "j"), ("chosen", prompt), ("rejected", "ji"),
    })]);

    public void Dispose()
    {
        Run.Models.Dispose();
        if (Directory.Exists(Run.Folder))
        {
            Directory.Delete(Run.Folder, recursive: true);
        }
    }

    private sealed class Memory(IReadOnlyList<Example> rows) : IData
    {
        public DataSet Load(RunContext run) => new(rows, []);
    }

    internal sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
