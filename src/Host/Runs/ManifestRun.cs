using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Plumbline.Host.Manifests;
using Plumbline.Training.Weights;
using TorchSharp;

namespace Plumbline.Host.Runs;

/// <summary>A run from its first measurement to its result: model, evaluations, stages, weights.</summary>
internal sealed class ManifestRun(Manifest manifest, RunContext run, RunFolder folder, RunRecorder recorder, EventWriter events, string[] plugins, IServiceProvider services, ILoggerFactory logs)
{
    private const string Policy = "policy";
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private (int Stage, int Steps)? _saved;
    private TimeSpan _savedAt;
    private readonly JsonArray _evaluations = [];
    private readonly JsonArray _stages = [];

    /// <summary>Runs everything, writes result.json, and tells the result.</summary>
    /// <returns>The exit code.</returns>
    internal int Run(CancellationToken cancel)
    {
        string? error = null;
        recorder.AfterStep = () =>
        {
            // The first time at once: a disk without room is told before hours are lost.
            if (_saved is null || (_clock.Elapsed - _savedAt).TotalSeconds > (manifest.SaveEvery ?? double.PositiveInfinity))
            {
                recorder.Between("saving weights", SaveWeights);
            }
        };
        try
        {
            Build();
            Measure(-1, "start", cancel);
            for (var i = 0; i < manifest.Stages.Count && !cancel.IsCancellationRequested; i++)
            {
                RunStage(i, cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            error = Tell(failure);
        }

        // Whatever ended the run; an error in the middle of a step leaves them as they were then.
        try
        {
            SaveWeights();
        }
        catch (Exception failure) when (failure is PlumblineException or IOException or UnauthorizedAccessException)
        {
            var unsaved = Tell(failure);
            error = error is null ? unsaved : $"{error}. And then: {unsaved}";
        }

        return Finish(error, cancel.IsCancellationRequested);
    }

    private string Tell(Exception failure)
    {
        // A part's own mistake is for its author; what a part says on purpose says what to do.
        var (kind, remedy) = failure is PlumblineException ? (string.Empty, string.Empty)
            : (failure.GetType().Name + ": ", $"; error.txt has the stack for its author{(run.Models.Roles.Contains(Policy) ? ", model.safetensors the weights so far" : string.Empty)}");
        var error = $"{kind}{failure.Message.ReplaceLineEndings(" ").TrimEnd('.')} (in hand: {recorder.Hand}){remedy}";
        events.Send(new Logged("error", error));
        File.AppendAllText(folder.File("error.txt"), failure + Environment.NewLine);
        return error;
    }

    private void Build()
    {
        var parameters = 0L;
        if (manifest.Model is { } model)
        {
            recorder.InHand(Kinds.Model + " " + model.Id, "building");
            using var scope = services.CreateScope();
            Enter(scope, -1, "start");
            var policy = model.Create(scope.ServiceProvider);
            run.Models.Set(Policy, policy);
            parameters = policy.Network.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel());
        }

        events.Send(new Opened(run.Name, folder.Path, run.Seed, run.Device.ToString(), parameters, plugins));
    }

    private void RunStage(int index, CancellationToken cancel)
    {
        var part = manifest.Stages[index];
        var name = (part.Options as StageOptions)?.Name ?? part.Id;
        recorder.Enter(index, name);
        recorder.InHand(Kinds.Loop + " " + part.Id, "starting");
        var began = DateTime.UtcNow;
        using (var scope = services.CreateScope())
        {
            Enter(scope, index, name);
            var loop = part.Create(scope.ServiceProvider);
            try
            {
                loop.Run(cancel);
            }
            finally
            {
                (loop as IDisposable)?.Dispose();
                _stages.Add(new JsonObject { ["name"] = name, ["steps"] = recorder.Done, ["planned"] = recorder.Planned, ["seconds"] = Math.Round((DateTime.UtcNow - began).TotalSeconds, 3) });
            }
        }

        cancel.ThrowIfCancellationRequested();
        SaveWeights();
        if (recorder is { Planned: not null, Done: 0 })
        {
            recorder.Diagnose(new Diagnosis("no-steps", $"stage '{name}' did no step, so it changed nothing; set its steps above 0, or take the stage out"));
        }

        Measure(index, name, cancel);
    }

    private void Measure(int index, string name, CancellationToken cancel)
    {
        if (manifest.Evaluate.Count == 0)
        {
            return;
        }

        var results = new Dictionary<string, double>();
        foreach (var part in manifest.Evaluate)
        {
            recorder.InHand(Kinds.Evaluation + " " + part.Id, "evaluating");
            using var scope = services.CreateScope();
            using var tensors = torch.NewDisposeScope();
            var stage = Enter(scope, index, name);
            foreach (var (result, value) in part.Create(scope.ServiceProvider).Evaluate(stage, cancel))
            {
                if (!results.TryAdd(result, value))
                {
                    throw new PlumblineException($"two evaluations give a result named '{result}'; set a \"name\" on one of them");
                }
            }
        }

        recorder.Evaluate(name, results);
        _evaluations.Add(new JsonObject { ["after"] = name, ["results"] = new JsonObject(results.Select(pair => KeyValuePair.Create(pair.Key, double.IsFinite(pair.Value) ? (JsonNode?)pair.Value : null))) });
    }

    private void SaveWeights()
    {
        var now = (recorder.Stage, recorder.Done);
        if (!run.Models.Roles.Contains(Policy) || _saved == now)
        {
            return;
        }

        recorder.InHand("run", "saving weights");
        using var scope = torch.NewDisposeScope();
        SafeTensors.Save(
            folder.File("model.safetensors"),
            run.Models.Get<IModel>(Policy).Network.state_dict(),
            new Dictionary<string, string> { ["format"] = "pt", ["run"] = run.Name, ["stage"] = recorder.Name, ["steps"] = recorder.Done.ToString(CultureInfo.InvariantCulture) });
        (_saved, _savedAt) = (now, _clock.Elapsed);
        events.Send(new Saved(recorder.Name, recorder.Done));
    }

    private int Finish(string? error, bool interrupted)
    {
        var (verdict, code) = error is not null ? ("failed", ExitCodes.Failed)
            : interrupted ? ("interrupted", ExitCodes.Interrupted)
            : recorder.Diagnoses.Any(diagnosis => !diagnosis.Warning) ? ("diagnosed", ExitCodes.Diagnosed)
            : ("completed", ExitCodes.Success);
        var result = new JsonObject
        {
            ["run"] = run.Name,
            ["verdict"] = verdict,
            ["exit_code"] = code,
            ["seed"] = run.Seed,
            ["device"] = run.Device.ToString(),
            ["folder"] = folder.Path,
            ["stages"] = _stages,
            ["evaluations"] = _evaluations,
            ["diagnoses"] = new JsonArray([.. recorder.Diagnoses.Select(diagnosis => new JsonObject { ["name"] = diagnosis.Name, ["message"] = diagnosis.Message, ["warning"] = diagnosis.Warning })]),
            ["error"] = error,
        };
        folder.Write(RunFolder.ResultFile, result);
        events.Send(new Ended(result));
        return code;
    }

    /// <summary>Makes a scope the stage's own: parts created from it may ask for the stage.</summary>
    private StageContext Enter(IServiceScope scope, int index, string name)
    {
        var stage = new StageContext
        {
            Run = run,
            Index = index,
            Name = name,
            Services = scope.ServiceProvider,
            Recorder = recorder,
            Log = logs.CreateLogger(name),
        };
        scope.ServiceProvider.GetRequiredService<CurrentStage>().Stage = stage;
        return stage;
    }
}

/// <summary>The stage that a service scope belongs to.</summary>
internal sealed class CurrentStage
{
    /// <summary>Set when the scope begins.</summary>
    internal StageContext? Stage { get; set; }
}
