using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Options;
using TorchSharp;

namespace Plumbline.Host.Runs;

/// <summary>The process that loads plugins and trains: a generic host around one run.</summary>
/// <remarks>It reads a <see cref="RunJob"/> as the first line of its input and stops at the next step boundary when the input ends or says <c>stop</c>.</remarks>
internal static class Worker
{
    /// <summary>Runs a job to its end.</summary>
    /// <returns>The exit code.</returns>
    internal static async Task<int> RunAsync(RunJob job, EventWriter events, TextReader input)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        PartRegistry registry;
        Manifest manifest;
        try
        {
            registry = new PartRegistry(PluginCatalog.Open(job.Plugins, job.Locked), builder.Services);
            manifest = ManifestReader.Bind(job.Manifest, registry);
        }
        catch (ManifestException refused)
        {
            events.Send(new Refused([.. refused.Errors.Select(error => error.ToString())]));
            return ExitCodes.Refused;
        }
        catch (PlumblineException refused)
        {
            events.Send(new Refused([refused.Message]));
            return ExitCodes.Refused;
        }

        Device device;
        RunFolder folder;
        try
        {
            device = Devices.Open(manifest.Device);
#if LIBTORCH_ENGINE
            Engine.EngineInfo.DieWhenTold();
#endif
            folder = RunFolder.Create(job.Out, manifest.Name, TimeProvider.System.GetLocalNow());
        }
        catch (Exception error) when (error is PlumblineException or IOException or UnauthorizedAccessException or DllNotFoundException)
        {
            events.Send(new Refused([error.Message.ReplaceLineEndings(" ").Trim()]));
            return ExitCodes.Refused;
        }

        using (folder)
        {
            if (manifest.Threads is { } threads)
            {
                torch.set_num_threads(threads);
            }

            // Relative paths still lead to the same files when the resolved manifest is run from where it lies.
            var baseFolder = Path.GetFullPath(manifest.BaseFolder ?? ".", job.BaseFolder);
            folder.Write(RunFolder.ManifestFile, OptionsWriter.ToJson(manifest with { BaseFolder = baseFolder })!);
            var plugins = registry.Catalog.Plugins.Where(plugin => !plugin.BuiltIn && registry.Loaded.Contains(plugin.Name)).Select(plugin => $"{plugin.Name} {plugin.Version}").ToArray();
            var recorder = new RunRecorder(folder, events, registry.Catalog);
            builder.Logging.AddProvider(new EventLoggerProvider(events));
            // The host's own words about itself are not the run's.
            builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
            builder.Services
                .AddSingleton(manifest).AddSingleton(folder).AddSingleton(recorder).AddSingleton(events)
                .AddSingleton<IRecorder>(recorder)
                .AddSingleton<IPartResolver>(registry)
                .AddSingleton(new RunContext
                {
                    Name = manifest.Name,
                    Folder = folder.Path,
                    BaseFolder = baseFolder,
                    Seed = manifest.Seed,
                    Device = device,
                    Dtype = manifest.Dtype switch { Precision.Float64 => ScalarType.Float64, Precision.Bfloat16 => ScalarType.BFloat16, _ => ScalarType.Float32 },
                })
                // A step in hand is finished and everything written, however long it takes.
                .Configure<HostOptions>(options => options.ShutdownTimeout = Timeout.InfiniteTimeSpan)
                .AddScoped<CurrentStage>()
                .AddScoped(scope => scope.GetRequiredService<CurrentStage>().Stage ?? throw new InvalidOperationException("no stage has begun"))
                .AddSingleton(provider => ActivatorUtilities.CreateInstance<ManifestRun>(provider, [plugins]))
                .AddSingleton<IHostLifetime>(provider => new SupervisedLifetime(input, provider.GetRequiredService<IHostApplicationLifetime>()))
                .AddHostedService<RunService>();
            using var host = builder.Build();
            // Found before the run: the host is gone after it.
            var service = host.Services.GetServices<IHostedService>().OfType<RunService>().Single();
            await host.RunAsync().ConfigureAwait(false);
            return service.ExitCode;
        }
    }

    /// <summary>Reads the job that the supervisor wrote.</summary>
    internal static RunJob ReadJob(TextReader input) =>
        JsonSerializer.Deserialize(input.ReadLine() ?? throw new InvalidOperationException("no job came"), RunJson.Default.RunJob)!;

    /// <summary>Runs the manifest on a thread of its own, then ends the host.</summary>
    private sealed class RunService(ManifestRun whole, RunContext run, IHostApplicationLifetime lifetime) : BackgroundService
    {
        internal int ExitCode { get; private set; } = ExitCodes.Failed;

        /// <inheritdoc/>
        protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.Factory.StartNew(
            () =>
            {
                // Dispose scopes and grad mode belong to the thread: the whole run stays on one.
                ExitCode = whole.Run(lifetime.ApplicationStopping);
                run.Models.Dispose();
                lifetime.StopApplication();
            },
            CancellationToken.None,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }
}
