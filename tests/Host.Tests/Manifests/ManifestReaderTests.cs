using Plumbline.Host.Manifests;

namespace Plumbline.Tests.Host.Manifests;

public sealed class ManifestReaderTests
{
    [Fact]
    public void Comments_and_trailing_commas_are_allowed()
    {
        var manifest = ManifestReader.Parse("""
            // what this is
            { "name": "a", /* and why */ "stages": [ { "use": "sft", }, ], }
            """, "m.jsonc");
        Assert.Equal("""{"name":"a","stages":[{"use":"sft"}]}""", manifest.ToJsonString());
    }

    [Fact]
    public void A_syntax_error_names_file_and_line()
    {
        var error = Assert.Throws<ManifestException>(() => ManifestReader.Parse("{\n  \"name\": \"a\",\n  \"seed\" 3\n}", "m.jsonc"));
        Assert.StartsWith("m.jsonc, line 3: ", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("LineNumber", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_key_given_twice_is_refused_by_name()
    {
        var error = Assert.Throws<ManifestException>(() => ManifestReader.Parse("{ \"seed\": 1,\n \"seed\": 2 }", "m.jsonc"));
        Assert.Contains("m.jsonc", error.Message, StringComparison.Ordinal);
        Assert.Contains("seed", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[1]")]
    [InlineData("3")]
    [InlineData("null")]
    public void What_is_no_object_is_no_manifest(string text) =>
        Assert.Equal("m.jsonc is no manifest: it must be one JSON object, { … }", Assert.Throws<ManifestException>(() => ManifestReader.Parse(text, "m.jsonc")).Message);

    [Fact]
    public void An_empty_file_is_refused_with_its_name() =>
        Assert.StartsWith("m.jsonc, line 1: ", Assert.Throws<ManifestException>(() => ManifestReader.Parse(string.Empty, "m.jsonc")).Message, StringComparison.Ordinal);

    [Fact]
    public void A_file_that_is_not_there_is_named()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains(folder.At("none.jsonc"), Assert.Throws<ManifestException>(() => ManifestReader.Read(folder.At("none.jsonc"))).Message, StringComparison.Ordinal);
        Assert.StartsWith($"can't read the manifest {folder.Path}: ", Assert.Throws<ManifestException>(() => ManifestReader.Read(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_without_a_name_gets_that_of_what_it_uses_and_the_editors_key_goes()
    {
        var before = JsonNode.Parse("""{"$schema":"x","stages":[{"use":"sft"},{"use":"dpo","name":"second"}]}""")!.AsObject();
        var after = ManifestReader.Normalize(before);
        Assert.Equal("""{"stages":[{"use":"sft","name":"sft"},{"use":"dpo","name":"second"}]}""", after.ToJsonString());
        Assert.True(before.ContainsKey("$schema"));
    }
}
