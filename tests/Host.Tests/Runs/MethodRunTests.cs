namespace Plumbline.Tests.Host.Runs;

/// <summary>Each method from manifest to result.</summary>
public sealed class MethodRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("head")]
    [InlineData("network")]
    public void Ppo_runs_with_either_critic(string critic)
    {
        var run = Run(
            $$"""{ "use": "ppo", "critic": "{{critic}}", "data": {{Tiny.Data}}, "rewards": [{{Tiny.Trouble("none")}}], "steps": 3, "prompts_per_step": 8, "minibatches": 2, "epochs_per_batch": 2, "sampler": { "max_new_tokens": 3 }, "kl_controller": "adaptive-kl" }""");
        Assert.Equal("completed", (string)run.With(0).Result["verdict"]!);
        Assert.All(Metrics(), line =>
        {
            Assert.InRange((double)line["sampler_gap"]!, 0, 1e-5);
            Assert.True((double)line["critic_grad_norm"]! > 0);
        });
        // The reward's mean is one half: the critic begins at zero and must move towards it.
        Assert.Equal(0, (double)Metrics()[0]["value_mean"]!);
        Assert.NotEqual(0, (double)Metrics()[2]["value_mean"]!);
    }

    [Theory]
    [InlineData("dpo", "")]
    [InlineData("dpo", ", \"precompute_reference\": true")]
    [InlineData("simpo", "")]
    public void Pairs_of_a_file_teach_the_policy_to_tell_them_apart(string method, string more)
    {
        _folder.Write("pairs.jsonl", string.Join('\n', Enumerable.Range(0, 16).Select(i => $$"""{"prompt":"{{i}}?","chosen":"aa","rejected":"bb"}""")));
        var run = Run($$"""{ "use": "{{method}}", "data": { "use": "jsonl", "path": "pairs.jsonl" }, "steps": 30, "batch_size": 8, "learning_rate": 0.01{{more}} }""").With(0);
        Assert.Equal(30, (int)run.Result["stages"]![0]!["steps"]!);
        var metrics = Metrics();
        Assert.True((double)metrics[^1]["loss"]! < 0.7 * (double)metrics[0]["loss"]!);
        Assert.Equal(1, (double)metrics[^1]["accuracy"]!);
    }

    [Fact]
    public void A_stage_begins_with_the_weights_of_the_stage_before()
    {
        Run(Tiny.Sft(20), Tiny.Sft(1)).With(0);
        var metrics = Metrics();
        Assert.Equal(["0", "1"], metrics.Select(line => line["stage_index"]!.ToJsonString()).Distinct());
        Assert.True((double)metrics[^1]["loss"]! < (double)metrics[0]["loss"]!);
    }

    [Fact]
    public void A_run_can_begin_with_the_weights_of_another()
    {
        Run(Tiny.Sft(20)).With(0);
        var last = (double)Metrics()[^1]["loss"]!;
        var manifest = _folder.Write("second.jsonc", Tiny.Manifest(Tiny.Sft(1)));
        Plumb.Run("run", manifest, "--set", $"model.weights={_folder.At("out", "model.safetensors")}", "--out", _folder.At("second")).With(0);
        var first = (double)JsonNode.Parse(File.ReadLines(_folder.At("second", "metrics.jsonl")).First())!["loss"]!;
        Assert.InRange(first, 0, last + 0.5);
    }

    public void Dispose() => _folder.Dispose();

    private List<JsonObject> Metrics() => [.. File.ReadLines(_folder.At("out", "metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];

    private Plumb.Ended Run(params string[] stages) =>
        Plumb.Run("run", _folder.Write("m.jsonc", Tiny.Manifest(stages)), "--out", _folder.At("out"), "--plugins", _folder.Plugins("Trouble"));
}
