using Microsoft.Extensions.Logging.Abstractions;
using Plumbline.Plugins.Blobs;
using Plumbline.Plugins.DenoisingMlp;
using Plumbline.Plugins.Dit;
using Plumbline.Plugins.UNet;
using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>A run with a small diffusion model and blobs to learn.</summary>
internal sealed class Painter : IDisposable
{
    internal static readonly NoiseProcessOptions Process = new() { NumTrainTimesteps = 100, BetaStart = 1e-3, BetaEnd = 0.1 };

    internal Painter(string model = "mlp", long seed = 7, ScalarType dtype = ScalarType.Float32, NoiseProcessOptions? process = null, int classes = 4)
    {
        set_num_threads(1);
        Run = Tiny.NewRun(seed, dtype);
        Run.Models.Set("policy", New(model, Run, process, classes: classes));
    }

    internal RunContext Run { get; }

    /// <summary>A stage that begins, with a recorder of its own.</summary>
    internal StageContext Stage
    {
        get
        {
            Recorder = new MemoryRecorder { OnStep = OnStep };
            return new StageContext { Run = Run, Index = 0, Name = "stage", Services = new Tiny.NoServices(), Recorder = Recorder, Log = NullLogger.Instance };
        }
    }

    internal Action<int>? OnStep { get; init; }

    /// <summary>What the last stage told.</summary>
    internal MemoryRecorder Recorder { get; private set; } = new();

    internal DiffusionModel Policy => Run.Models.Get<DiffusionModel>("policy");

    internal static DiffusionModel New(string model, RunContext run, NoiseProcessOptions? process = null, LowRankAdapterOptions? lora = null, int classes = 4, string? weights = null) => model switch
    {
        "mlp" => new DenoisingMlp(new DenoisingMlpOptions { Process = process ?? Process, Width = 32, Layers = 1, ClassWidth = 8, Lora = lora, Classes = classes, Weights = weights }, run),
        "unet" => new UNet(new UNetOptions { Process = process ?? Process, SampleShape = [1, 8, 8], Channels = [4, 8], NormGroups = 2, ContextWidth = 16, ClassWidth = 8, Lora = lora, Classes = classes, Weights = weights }, run),
        _ => new Dit(new DitOptions { Process = process ?? Process, SampleShape = [1, 8, 8], Patch = 4, Width = 16, Layers = 2, Heads = 2, ClassWidth = 8, Lora = lora, Classes = classes, Weights = weights }, run),
    };

    /// <summary>A stage that learns blobs.</summary>
    internal void Learn(int steps, Func<DenoisingLoopOptions, DenoisingLoopOptions>? change = null, CancellationTokenSource? cancel = null)
    {
        var options = new DenoisingLoopOptions
        {
            Data = Part<ITensorData>.Of("blob8", new Blobs(new BlobsOptions { Count = 64 })),
            Objective = Part<DenoisingObjective>.Of("denoising-loss", new DenoisingError(new DenoisingErrorOptions())),
            BatchSize = 16,
            Steps = steps,
            LearningRate = 0.01,
        };
        new DenoisingLoop(change?.Invoke(options) ?? options, Stage).Run(cancel?.Token ?? CancellationToken.None);
    }

    /// <summary>What the model says of fixed noisy images, one of each class.</summary>
    internal Tensor Says(IDiffusionModel? model = null)
    {
        using var still = no_grad();
        var noisy = NormalNoise.Of([.. Enumerable.Range(0, 4).Select(row => new Draws(5).Key(row))], Policy.SampleShape, Run.Dtype);
        return (model ?? Policy).Predict(noisy, tensor(new[] { 0, 0.3, 0.6, 0.9 }), Policy.Classes == 0 ? null : arange(4, dtype: ScalarType.Int64));
    }

    internal static double Gap(Tensor first, Tensor second) => (first - second).abs().max().to_type(ScalarType.Float64).ToDouble();

    public void Dispose()
    {
        Run.Models.Dispose();
        if (Directory.Exists(Run.Folder))
        {
            Directory.Delete(Run.Folder, recursive: true);
        }
    }
}
