using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>What a stage of each loop needs beside the method: data, and what scores or judges.</summary>
internal static class SmallStages
{
    /// <summary>A transformer of a few hundred weights: what a stage runs on where its loop says nothing else.</summary>
    private static readonly JsonObject Transformer = new()
    {
        ["use"] = "transformer", ["layers"] = 2, ["width"] = 16, ["heads"] = 2, ["context_length"] = 40, ["init_std"] = 0.3, ["tokenizer"] = "small-letters",
    };

    private static readonly HashSet<string> Methods = [.. StageRun.Parts.Ids(Kinds.Algorithm)];

    /// <summary>Methods that take verdicts alone, 0 or 1, so that a second reward can't be added.</summary>
    internal static readonly HashSet<string> VerdictsAlone = ["disco", "knapsack-rl"];

    /// <summary>Parts that are for one sort of data, method or loop, or need a slot of their own filled, and say so otherwise.</summary>
    private static readonly HashSet<string> NotAnywhere = ["knapsack-rl", "bradley-terry", "sampled-pairs", "nash-md-pg", "rwr", "pdppo", "value-loss"];

    /// <summary>Whether a part can stand in any stage: those of tests, and those of one claim's task, named after its method, can't.</summary>
    internal static bool Composes(PartDescriptor part) => !NotAnywhere.Contains(part.Id)
        && !part.Type.Assembly.GetName().Name!.EndsWith(".Tests", StringComparison.Ordinal)
        && !Methods.Any(id => part.Id.StartsWith(id + "-", StringComparison.Ordinal) && !Methods.Contains(part.Id));

    /// <summary>A whole stage of a method with its own defaults.</summary>
    internal static JsonObject Of(string algorithm, int steps)
    {
        var loop = StageRun.Parts.Find(Kinds.Algorithm, algorithm)!.Loop!;
        var stage = OfLoop(loop, steps);
        stage["use"] = algorithm;
        Merge(stage, Find(algorithm)?["stage"]);
        return stage;
    }

    /// <summary>A stage of a loop itself, which wants a method.</summary>
    internal static JsonObject OfLoop(string loop, int steps)
    {
        var stage = new JsonObject { ["use"] = loop, ["steps"] = steps };
        Merge(stage, (Find(loop) ?? throw new InvalidOperationException($"there is no small stage of the loop '{loop}': write what it needs beside a method into tests/Plugins.Tests/Runs/small/{loop}.json"))["stage"]);
        return stage;
    }

    /// <summary>The model that a stage runs on; null: none.</summary>
    internal static JsonObject? Model(JsonObject stage)
    {
        var use = (string)stage["use"]!;
        var loop = StageRun.Parts.Find(Kinds.Algorithm, use)?.Loop ?? use;
        var told = new[] { use, loop }.Select(Find).FirstOrDefault(json => json?.ContainsKey("model") == true);
        return told is null ? Transformer : told["model"]?.DeepClone().AsObject();
    }

    /// <summary>What is on record of a loop or a method: small/ID.json with <c>stage</c> and, where it is not the transformer, <c>model</c>.</summary>
    private static JsonObject? Find(string id)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "small", id + ".json");
        return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : null;
    }

    private static void Merge(JsonObject stage, JsonNode? more)
    {
        foreach (var (key, value) in more?.AsObject() ?? [])
        {
            stage[key] = value?.DeepClone();
        }
    }
}
