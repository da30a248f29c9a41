using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>What a stage of each loop needs beside the method: data, and what scores or judges.</summary>
internal static class SmallStages
{
    private static readonly Dictionary<string, string> Given = new()
    {
        [Loop.Sft] = """{ "data": "small", "batch_size": 4 }""",
        [Loop.OfflinePairs] = """{ "data": "small", "batch_size": 4 }""",
        [Loop.OnlineGroups] = """{ "data": "small", "rewards": ["small-reward"], "prompts_per_step": 3, "sampler": { "group_size": 4, "max_new_tokens": 5 }, "sample_every": 0 }""",
        [Loop.ActorCritic] = """{ "data": "small", "rewards": ["small-reward"], "prompts_per_step": 6, "sampler": { "max_new_tokens": 5 }, "sample_every": 0 }""",
        [Loop.OfflineLists] = """{ "data": "small", "batch_size": 4, "separator": "l" }""",
        [Loop.OfflineSteps] = """{ "data": "small", "batch_size": 4 }""",
        [Loop.OnlinePairs] = """{ "data": "small", "judge": "small-judge", "prompts_per_step": 3, "sampler": { "max_new_tokens": 5 }, "sample_every": 0 }""",
        [Loop.SelfPlay] = """{ "data": "small", "judge": "small-judge", "prompts_per_step": 3, "batch_size": 4, "sampler": { "group_size": 4, "max_new_tokens": 5 }, "write_samples": false }""",
        [Loop.RewardTraining] = """{ "data": "small", "batch_size": 4 }""",
    };

    private static readonly HashSet<string> Methods = [.. StageRun.Parts.Ids(Kinds.Algorithm)];

    /// <summary>What a method wants otherwise than its loop's other methods.</summary>
    private static readonly Dictionary<string, string> Otherwise = new()
    {
        ["knapsack-rl"] = """{ "rewards": ["small-verdict"] }""",
        // Its window and parts that choose among a batch's rows exclude each other.
        ["t-ppo"] = """{ "filter": null, "scheduler": null, "window": 2 }""",
        ["disco"] = """{ "rewards": ["small-verdict"] }""",
        // Untrained, the small model is flatter than the paper's threshold.
        ["gtpo"] = """{ "measure_initial_entropy": true }""",
    };

    /// <summary>Methods that take verdicts alone, 0 or 1, so that a second reward can't be added.</summary>
    internal static readonly HashSet<string> VerdictsAlone = ["disco", "knapsack-rl"];

    /// <summary>Parts that are for one sort of data, method or loop, or need a slot of their own filled, and say so otherwise.</summary>
    private static readonly HashSet<string> NotAnywhere = ["knapsack-rl", "bradley-terry", "sampled-pairs", "nash-md-pg"];

    /// <summary>Whether a part can stand in any stage: those of tests, and those of one claim's task, named after its method, can't.</summary>
    internal static bool Composes(PartDescriptor part) => !NotAnywhere.Contains(part.Id)
        && !part.Type.Assembly.GetName().Name!.EndsWith(".Tests", StringComparison.Ordinal)
        && !Methods.Any(id => part.Id.StartsWith(id + "-", StringComparison.Ordinal) && !Methods.Contains(part.Id));

    /// <summary>A whole stage of a method with its own defaults.</summary>
    internal static JsonObject Of(string algorithm, int steps)
    {
        var loop = StageRun.Parts.Find(Kinds.Algorithm, algorithm)!.Loop!;
        Assert.True(Given.ContainsKey(loop), $"there is no small stage for the loop '{loop}': add what it needs beside a method to {nameof(SmallStages)}");
        var stage = OfLoop(loop, steps);
        stage["use"] = algorithm;
        Merge(stage, Otherwise.GetValueOrDefault(algorithm, "{}"));
        return stage;
    }

    /// <summary>A stage of a loop itself, which wants a method.</summary>
    internal static JsonObject OfLoop(string loop, int steps)
    {
        var stage = new JsonObject { ["use"] = loop, ["steps"] = steps };
        Merge(stage, Given[loop]);
        return stage;
    }

    private static void Merge(JsonObject stage, string more)
    {
        foreach (var (key, value) in JsonNode.Parse(more)!.AsObject())
        {
            stage[key] = value?.DeepClone();
        }
    }
}
