using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Plumbline.Plugins.KvCache;
using Plumbline.Plugins.Numbers;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

/// <summary>A stage in a folder of its own that is gone afterwards, for parts that need one.</summary>
internal sealed class ToyStage : IDisposable
{
    internal ToyStage()
    {
        Run = new RunContext
        {
            Name = "toy",
            Folder = Path.Combine(Path.GetTempPath(), "plumbline-" + Guid.NewGuid().ToString("N")),
            BaseFolder = Path.GetTempPath(),
            Seed = 3,
            Device = CPU,
            Dtype = ScalarType.Float64,
        };
        Stage = new StageContext { Run = Run, Index = 0, Name = "stage", Services = Services, Recorder = Recorder, Log = NullLogger.Instance };
    }

    internal static IServiceProvider Services { get; } = new NoServices();

    internal RunContext Run { get; }

    internal StageContext Stage { get; }

    internal Told Recorder { get; } = new();

    internal static Part<ITokenizer> Numbers(int vocabulary) => Part<ITokenizer>.Of("numbers", new Numbers(new NumbersOptions { Vocabulary = vocabulary }));

    internal static Part<ISampler> Sampler(int most) => Part<ISampler>.Of("kv-cache", new KvCache(new KvCacheOptions { MaxNewTokens = most }));

    /// <summary>Rows to learn from, and the same ones kept apart.</summary>
    internal static Part<IData> Data(params JsonObject[] rows)
    {
        Example[] examples = [.. rows.Select((row, i) => new Example(i, row))];
        return Part<IData>.Of("rows", new Rows(new DataSet(examples, examples)));
    }

    public void Dispose()
    {
        Run.Models.Dispose();
        if (Directory.Exists(Run.Folder))
        {
            Directory.Delete(Run.Folder, recursive: true);
        }
    }

    /// <summary>Keeps what is diagnosed.</summary>
    internal sealed class Told : IRecorder
    {
        internal List<Diagnosis> Diagnoses { get; } = [];

        public void Begin(int steps)
        {
        }

        public void InHand(string part, string phase)
        {
        }

        public void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens)
        {
        }

        public void Sample(JsonObject sample)
        {
        }

        public void Diagnose(Diagnosis diagnosis) => Diagnoses.Add(diagnosis);
    }

    private sealed class Rows(DataSet data) : IData
    {
        public DataSet Load(RunContext run) => data;
    }

    private sealed class NoServices : IServiceProvider
    {
        public object? GetService(Type serviceType) => null;
    }
}
