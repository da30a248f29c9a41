namespace Plumbline.Tests.Host.Fixtures;

/// <summary>Manifests that run in a second or two.</summary>
internal static class Tiny
{
    internal const string Model = """{ "use": "transformer", "layers": 1, "width": 16, "heads": 2, "context_length": 24 , "tokenizer": "bytes" }""";

    internal const string Data = """{ "use": "arithmetic", "largest": 9, "held_out": 10 }""";

    /// <summary>A stage of demonstrations.</summary>
    internal static string Sft(int steps = 3) => $$"""{ "use": "sft", "data": {{Data}}, "steps": {{steps}}, "batch_size": 4 }""";

    /// <summary>A stage that learns from a reward.</summary>
    internal static string Grpo(string reward, int steps = 3) =>
        $$"""{ "use": "grpo", "data": {{Data}}, "rewards": [{{reward}}], "steps": {{steps}}, "prompts_per_step": 4, "sample_every": 1, "sampler": { "group_size": 4, "max_new_tokens": 3 } }""";

    /// <summary>The reward that goes wrong in some way at some step.</summary>
    internal static string Trouble(string way, int at = 2) => $$"""{ "use": "trouble", "way": "{{way}}", "at": {{at}} }""";

    /// <summary>A whole manifest.</summary>
    internal static string Manifest(params string[] stages) =>
        $$"""{ "name": "tiny", "seed": 5, "threads": 1, "device": "cpu", "model": {{Model}}, "stages": [{{string.Join(", ", stages)}}] }""";

    /// <summary>A whole manifest that measures before and after.</summary>
    internal static string Measured(params string[] stages) => Manifest(stages)[..^1] + $$"""
        , "evaluate": [{ "use": "sampled-reward", "name": "accuracy", "limit": 8, "data": {{Data}}, "reward": "exact-answer", "sampler": { "max_new_tokens": 3 } }] }
        """;
}
