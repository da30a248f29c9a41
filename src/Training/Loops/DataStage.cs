using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>data-stage</c>.</summary>
public sealed record DataStageOptions : StageOptions, IChecksItself
{
    /// <summary>Where the rows come from.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>What turns them into others, in order.</summary>
    public IReadOnlyList<Part<ITransform>> Transforms { get; init; } = [];

    /// <summary>The name by which later stages read the result, as data <c>stage-result</c>; also its file's. Default: the stage's name.</summary>
    public string? As { get; init; }

    /// <summary>Transform the held-out rows too; false leaves them as they are.</summary>
    public bool TransformHeldOut { get; init; } = true;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if ((As ?? Name) is { } name && (name.Length == 0 || name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || name.StartsWith('.')))
        {
            yield return $"{(As is null ? "name" : "as")} must be usable as a file's name: not empty, no slash, no dot at the beginning";
        }
    }
}

/// <summary>Turns a data set into another one for the stages after: sampled, labelled, ranked, filtered. It trains nothing.</summary>
/// <remarks>The result is kept in memory and written to the run's folder, as <c>data/NAME.jsonl</c> and <c>data/NAME.held-out.jsonl</c>, which data <c>jsonl</c> reads.</remarks>
[Loop(Loop.DataStage)]
public sealed class DataStage(DataStageOptions options, StageContext stage) : ILoop
{
    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var name = options.As ?? stage.Name;
        if (stage.Run.DataSets.ContainsKey(name))
        {
            throw new PlumblineException($"an earlier stage has made a data set '{name}' already; give this one another name by \"as\"");
        }

        IObserver[] observers = [.. options.Observers.Select(observer => observer.Create(stage.Services))];
        stage.Recorder.Begin(1);
        DataSet source, made;
        try
        {
            cancel.ThrowIfCancellationRequested();
            stage.Recorder.InHand(Kinds.Data + " " + options.Data.Id, "loading");
            source = options.Data.Create(stage.Services).Load(stage.Run);
            var train = Examples.Transformed(source.Train, options.Transforms, stage, cancel);
            made = new DataSet(train, options.TransformHeldOut && source.HeldOut.Count > 0 ? Examples.Transformed(source.HeldOut, options.Transforms, stage, cancel) : source.HeldOut);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }

        if (made.Train.Count == 0)
        {
            throw new PlumblineException($"of {source.Train.Count} rows of data '{options.Data.Id}' none is left for the data set '{name}'; look at the stage's transforms");
        }

        stage.Recorder.InHand(Kinds.Loop + " " + Loop.DataStage, "writing");
        Write(name + ".jsonl", made.Train);
        Write(name + ".held-out.jsonl", made.HeldOut);
        stage.Run.DataSets.Add(name, made);
        stage.Log.LogInformation("made the data set {Name}: {Made} rows of {Rows}, {HeldOut} held out", name, made.Train.Count, source.Train.Count, made.HeldOut.Count);
        var counts = new Dictionary<string, double> { ["rows_in"] = source.Train.Count, ["rows"] = made.Train.Count, ["held_out"] = made.HeldOut.Count };
        stage.Recorder.Step(0, counts, tokens: 0);
        foreach (var observer in observers)
        {
            observer.OnStep(0, counts, stage.Recorder);
            observer.OnEnd(1, stage.Recorder);
        }
    }

    private void Write(string file, IReadOnlyList<Example> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(stage.Run.Folder, "data")).FullName, file);
        File.WriteAllLines(path + ".tmp", rows.Select(row => row.Columns.ToJsonString(Compact)), new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
