using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

public sealed class ListingLoadsNothing : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void The_catalogue_loads_no_assembly_of_a_plugin()
    {
        var plugins = _folder.Plugins("WritesWhenLoaded");
        var catalog = PluginCatalog.Open(plugins);
        Assert.NotNull(catalog.Find("reward", "writes-when-loaded"));
        Assert.DoesNotContain(Loaded(plugins), _ => true);
        // The same look finds what is loaded.
        _ = new PartRegistry(catalog, new Microsoft.Extensions.DependencyInjection.ServiceCollection()).Find("reward", "writes-when-loaded");
        Assert.Single(Loaded(plugins));
    }

    [Fact]
    public void Plugins_list_runs_no_code_of_a_plugin()
    {
        var plugins = _folder.Plugins("WritesWhenLoaded");
        var trace = new Dictionary<string, string> { ["PLUMB_TEST_TRACE"] = _folder.At("trace") };
        Assert.Contains("writes-when-loaded", Plumb.RunIn(_folder.Path, trace, "plugins", "list", "--plugins", plugins).With(0).Output, StringComparison.Ordinal);
        Plumb.RunIn(_folder.Path, trace, "plugins", "list", "--json", "--plugins", plugins).With(0);
        Assert.False(File.Exists(_folder.At("trace")));
    }

    [Fact]
    public void A_run_loads_only_the_plugins_that_its_manifest_names()
    {
        var plugins = _folder.Plugins("WritesWhenLoaded");
        var trace = new Dictionary<string, string> { ["PLUMB_TEST_TRACE"] = _folder.At("trace") };
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Sft(1)));
        Plumb.RunIn(_folder.Path, trace, "run", manifest, "--plugins", plugins, "--out", _folder.At("one")).With(0);
        Assert.False(File.Exists(_folder.At("trace")));
        _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo("\"writes-when-loaded\"", 1)));
        Plumb.RunIn(_folder.Path, trace, "run", manifest, "--plugins", plugins, "--out", _folder.At("two")).With(3);
        Assert.True(File.Exists(_folder.At("trace")));
    }

    public void Dispose() => _folder.Dispose();

    private static IEnumerable<string> Loaded(string folder) => AppDomain.CurrentDomain.GetAssemblies()
        .Where(assembly => !assembly.IsDynamic && assembly.Location.StartsWith(folder, StringComparison.Ordinal)).Select(assembly => assembly.Location);
}
