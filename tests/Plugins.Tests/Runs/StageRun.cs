using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Plumbline.Options;
using Plumbline.Training.Verification;
using TorchSharp;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>One stage on a tiny model in float64, bound from JSON as a manifest's is.</summary>
internal static class StageRun
{
    internal static readonly LoadedParts Parts = new(ReferenceVectors.Plugins.Append(typeof(LoadedParts).Assembly).Append(typeof(StageRun).Assembly));

    /// <summary>Runs the stage.</summary>
    /// <param name="stage">The stage.</param>
    /// <param name="seed">The run's.</param>
    /// <param name="model">A model in place of the one that goes with the stage.</param>
    /// <returns>What it told.</returns>
    internal static Told Run(JsonObject stage, long seed = 5, JsonObject? model = null)
    {
        torch.set_num_threads(1);
        var folder = Directory.CreateTempSubdirectory("plumbline-stage-");
        var run = new RunContext { Name = "small", Folder = folder.FullName, BaseFolder = folder.FullName, Seed = seed, Device = torch.CPU, Dtype = torch.ScalarType.Float64 };
        var told = new Told();
        StageContext? context = null;
        var services = new ServiceCollection().AddSingleton(run).AddSingleton<IRecorder>(told).AddSingleton<IPartResolver>(Parts)
            .AddTransient(_ => context ?? throw new InvalidOperationException("no stage has begun")).BuildServiceProvider();
        context = new StageContext { Run = run, Index = 0, Name = "stage", Services = services, Recorder = told, Log = NullLogger.Instance };
        try
        {
            if ((model ?? SmallStages.Model(stage)) is { } policy)
            {
                run.Models.Set("policy", Bind<IModel>(policy).Create(services));
            }

            Bind<ILoop>(stage).Create(services).Run(CancellationToken.None);
            return told;
        }
        finally
        {
            run.Models.Dispose();
            folder.Delete(recursive: true);
        }
    }

    internal static Part<T> Bind<T>(JsonObject json)
        where T : class
    {
        var binder = new OptionsBinder(Parts);
        var part = binder.BindPart<T>(json, "$");
        return binder.Errors.Count == 0 ? part! : throw new ManifestException(binder.Errors);
    }

    /// <summary>What a stage told, in memory.</summary>
    internal sealed class Told : IRecorder
    {
        internal List<IReadOnlyDictionary<string, double>> Steps { get; } = [];

        internal List<Diagnosis> Diagnoses { get; } = [];

        /// <summary>The steps as lines of JSON, each number to six digits: more than a change of method hides in, fewer than machines differ in. How far sampler and trainer differ is all rounding, and left out.</summary>
        internal IEnumerable<string> Lines => Steps.Select((metrics, step) => new JsonObject(
            [KeyValuePair.Create("step", (JsonNode?)step), .. metrics.Where(pair => pair.Key != "sampler_gap").Select(pair => KeyValuePair.Create(pair.Key, Digits(pair.Value)))]).ToJsonString());

        public void Begin(int steps)
        {
        }

        public void InHand(string part, string phase)
        {
        }

        public void Step(int step, IReadOnlyDictionary<string, double> metrics, long tokens) => Steps.Add(metrics);

        public void Sample(JsonObject sample)
        {
        }

        public void Diagnose(Diagnosis diagnosis) => Diagnoses.Add(diagnosis);

        private static JsonNode? Digits(double value)
        {
            if (!double.IsFinite(value))
            {
                return null;
            }

            // What is nearly zero has digits that are noise.
            return JsonNode.Parse((Math.Round(value, 8) + 0.0).ToString("G6", CultureInfo.InvariantCulture));
        }
    }
}
