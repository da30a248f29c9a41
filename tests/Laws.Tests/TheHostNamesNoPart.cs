using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

public sealed class TheHostNamesNoPart
{
    public static TheoryData<string> Plugins => [.. Tree.Plugins.Select(plugin => plugin.Name)];

    [Fact]
    public void No_text_in_the_hosts_code_is_the_id_of_a_part()
    {
        var texts = Metadata.Of(Tree.HostFile("plumb.dll")).Texts;
        Assert.Contains("plugins", texts);
        Assert.Empty(Tree.Catalog.Plugins.SelectMany(plugin => plugin.Parts).Select(part => part.Id).Intersect(texts));
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void Without_any_one_plugin_the_host_runs_with_the_others(string gone)
    {
        using var folder = new TemporaryFolder();
        var plugins = folder.Plugins();
        File.Delete(Path.Combine(plugins, gone));
        var registry = Installed.Registry(plugins);
        var left = registry.Catalog.Plugins.Where(plugin => !plugin.BuiltIn).ToList();
        Assert.Equal(Tree.Plugins.Select(plugin => plugin.Name).Where(name => name != gone), left.Select(plugin => plugin.Name));
        Assert.All(left, plugin => Assert.Null(plugin.Broken));
        var schema = new ManifestSchema(registry);
        _ = schema.Make();
        Assert.Empty(schema.LeftOut);
        foreach (var (plugin, part) in left.SelectMany(plugin => plugin.Parts, (plugin, part) => (plugin, part)))
        {
            Assert.Equal(part.Id, (string)PartCard.Of(registry, plugin, part).Example["use"]!);
        }

        // Where the method itself is gone nothing is left to check, or others still pass.
        var vectors = Directory.GetFiles(Path.Combine(Repository.Root, "tests", "vectors"), "*.json").Select(Path.GetFileNameWithoutExtension).ToHashSet();
        if (Tree.Plugins.Single(plugin => plugin.Name == gone).Parts.Any(part => vectors.Contains(part.Id)))
        {
            var verify = Plumb.Run("verify", "--plugins", plugins).With(0);
            Assert.Contains("skipped, no plugin installed: ", verify.Output, StringComparison.Ordinal);
        }
    }
}
