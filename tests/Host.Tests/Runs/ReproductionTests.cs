namespace Plumbline.Tests.Host.Runs;

public sealed class ReproductionTests : IDisposable
{
    private static readonly string Both = Tiny.Measured(Tiny.Sft(), Tiny.Grpo(Tiny.Trouble("none")));
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_seed_others()
    {
        var (plugins, manifest) = (_folder.Plugins("Trouble"), _folder.Write("m.jsonc", Both));
        foreach (var (name, seed) in new[] { ("one", "5"), ("two", "5"), ("three", "6") })
        {
            Plumb.Run("run", manifest, "--out", _folder.At(name), "--plugins", plugins, "--seed", seed).With(0);
        }

        foreach (var file in new[] { "metrics.jsonl", "samples.jsonl", "evaluations.jsonl" })
        {
            Assert.Equal(Bytes("one", file), Bytes("two", file));
        }

        Assert.Equal(Bytes("one", "model.safetensors"), Bytes("two", "model.safetensors"));
        Assert.NotEqual(Bytes("one", "metrics.jsonl"), Bytes("three", "metrics.jsonl"));
    }

    [Fact]
    public void The_resolved_manifest_runs_again_from_where_it_lies_with_the_same_numbers()
    {
        _folder.Write("data/rows.jsonl", string.Join('\n', Enumerable.Range(0, 12).Select(i => $$"""{"prompt":"{{i}}=","completion":"{{i}}"}""")));
        var manifest = _folder.Write("manifests/m.jsonc", Tiny.Manifest("""{ "use": "sft", "data": { "use": "jsonl", "path": "../data/rows.jsonl" }, "steps": 3, "batch_size": 4 }"""));
        Plumb.Run("run", manifest, "--out", _folder.At("one"), "--set", "stages[0].learning_rate=0.01").With(0);
        Plumb.Run("run", _folder.At("one", "manifest.json"), "--out", _folder.At("two")).With(0);
        Assert.Equal(Bytes("one", "metrics.jsonl"), Bytes("two", "metrics.jsonl"));
        Assert.Equal(Bytes("one", "manifest.json"), Bytes("two", "manifest.json"));
    }

    public void Dispose() => _folder.Dispose();

    private byte[] Bytes(string run, string file) => File.ReadAllBytes(_folder.At(run, file));
}
