using Json.Schema;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Manifests;

public sealed class ManifestSchemaTests
{
    private static readonly JsonObject Made = new ManifestSchema(Installed.Registry()).Make();
    private static readonly JsonSchema Schema = JsonSchema.FromText(Made.ToJsonString());

    public static TheoryData<string> Examples => [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "examples"), "*.jsonc").Select(path => Path.GetFileName(path)!)];

    [Theory]
    [MemberData(nameof(Examples))]
    public void Every_example_obeys_it(string example)
    {
        var manifest = ManifestReader.Read(Path.Combine(Repository.Root, "examples", example));
        Assert.True(Obeys(manifest));
        manifest["stages"]![0]!["stepz"] = 3;
        Assert.False(Obeys(manifest));
    }

    [Theory]
    [InlineData("sede=3")]
    [InlineData("seed=x")]
    [InlineData("dtype=float8")]
    [InlineData("threads=0")]
    [InlineData("stages[0].steps=-1")]
    [InlineData("stages[0].use=nothing")]
    [InlineData("stages[0].data=nothing")]
    [InlineData("stages[0].data.largest=1000")]
    [InlineData("stages[1].epsilon_low=-0.1")]
    [InlineData("model.tokenizer=exact-answer")]
    [InlineData("stages[1].rewards=exact-answer")]
    public void What_the_binder_refuses_it_refuses(string change)
    {
        var manifest = ManifestReader.Parse(Tiny.Manifest(Tiny.Sft(), Tiny.Grpo("\"exact-answer\"")), "test");
        Assert.True(Obeys(manifest));
        Override.Parse(change).Apply(manifest);
        Assert.Throws<ManifestException>(() => ManifestReader.Bind(manifest, Installed.Registry()));
        Assert.False(Obeys(manifest));
    }

    [Theory]
    [InlineData("threads=null")]
    [InlineData("threads=2")]
    [InlineData("model.tokenizer={\"use\":\"bytes\"}")]
    [InlineData("stages[0].max_grad_norm=null")]
    [InlineData("stages[0].name=first")]
    [InlineData("stages[1].objective={\"use\":\"grpo\",\"beta\":0.1}")]
    public void What_the_binder_takes_it_takes(string change)
    {
        var manifest = ManifestReader.Parse(Tiny.Manifest(Tiny.Sft(), Tiny.Grpo("\"exact-answer\"")), "test");
        Override.Parse(change).Apply(manifest);
        _ = ManifestReader.Bind(manifest, Installed.Registry());
        Assert.True(Obeys(manifest));
    }

    [Fact]
    public void A_stage_may_leave_out_what_the_stages_share()
    {
        var manifest = JsonNode.Parse("""{ "name": "a", "model": "transformer", "defaults": { "data": "arithmetic", "rewards": ["exact-answer"] }, "stages": ["sft", { "use": "grpo" }] }""")!.AsObject();
        Assert.True(Obeys(manifest));
        manifest.Remove("defaults");
        Assert.False(Obeys(manifest));
        manifest["stages"] = JsonNode.Parse("""[{ "use": "sft" }]""");
        Assert.False(Obeys(manifest));
        manifest["stages"]![0]!["data"] = "arithmetic";
        Assert.True(Obeys(manifest));
    }

    [Fact]
    public void It_has_every_installed_part()
    {
        var catalog = PluginCatalog.Open(Repository.Plugins);
        foreach (var part in catalog.Plugins.Where(plugin => plugin.Broken is null).SelectMany(plugin => plugin.Parts))
        {
            var kind = part.Kind == Kinds.Algorithm ? Kinds.Loop : part.Kind;
            var ids = Made["$defs"]![kind]!["anyOf"]!.AsArray().Select(choice => (string?)choice!["properties"]?["use"]?["const"]);
            Assert.Contains(part.Id, ids);
        }
    }

    [Fact]
    public void A_part_and_its_options_carry_their_summaries_and_defaults()
    {
        var transformer = Made["$defs"]!["model"]!["anyOf"]!.AsArray().First(choice => (string?)choice!["properties"]?["use"]?["const"] == "transformer")!["properties"]!;
        Assert.StartsWith("A decoder-only transformer", (string?)transformer["use"]!["description"], StringComparison.Ordinal);
        Assert.Equal(("Attention heads.", 4), ((string)transformer["heads"]!["description"]!, (int)transformer["heads"]!["default"]!));
        Assert.Equal(0, (double)transformer["heads"]!["exclusiveMinimum"]!);
    }

    [Fact]
    public void A_broken_plugin_is_left_out_and_named()
    {
        using var folder = new TemporaryFolder();
        var schema = new ManifestSchema(Installed.Registry(folder.Plugins("Unconfigurable")));
        var made = schema.Make();
        Assert.Contains("'Unconfigurable'", Assert.Single(schema.LeftOut), StringComparison.Ordinal);
        Assert.DoesNotContain("unconfigurable", made.ToJsonString(), StringComparison.Ordinal);
        Assert.Contains("exact-answer", made.ToJsonString(), StringComparison.Ordinal);
    }

    private static bool Obeys(JsonObject manifest)
    {
        using var document = System.Text.Json.JsonDocument.Parse(manifest.ToJsonString());
        return Schema.Evaluate(document.RootElement).IsValid;
    }
}
