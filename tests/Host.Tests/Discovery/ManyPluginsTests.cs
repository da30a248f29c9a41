using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

/// <summary>A thousand plugins cost no more than the reading of their headers; bench/plugins says how much that is.</summary>
public sealed class ManyPluginsTests : IDisposable
{
    private const int Count = 1000;
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Of_a_thousand_plugins_only_those_that_are_needed_are_loaded()
    {
        var plugins = Generated();
        var registry = new PartRegistry(PluginCatalog.Open(plugins), new ServiceCollection());
        Assert.Equal(Count, registry.Catalog.Plugins.Count(plugin => plugin is { BuiltIn: false, Broken: null }));
        Assert.DoesNotContain(Loaded(), _ => true);
        foreach (var id in new[] { "exact-an0000", "exact-an0500", "exact-an0999" })
        {
            Assert.NotNull(registry.Find("reward", id));
        }

        Assert.Equal(3, registry.Loaded.Count);
        Assert.Equal(3, Loaded().Count());

        IEnumerable<string> Loaded() => AppDomain.CurrentDomain.GetAssemblies().Where(assembly => !assembly.IsDynamic && assembly.Location.StartsWith(plugins, StringComparison.Ordinal)).Select(assembly => assembly.Location);
    }

    [Fact]
    public void A_run_beside_a_thousand_plugins_loads_the_few_it_names()
    {
        var plugins = Generated();
        foreach (var used in new[] { "Transformer", "Bytes", "Sft", "Arithmetic" })
        {
            Directory.CreateSymbolicLink(Path.Combine(plugins, used), Path.Combine(Repository.Plugins, used));
        }

        var dry = Plumb.Run("run", _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Sft(1))), "--dry-run", "--json", "--plugins", plugins).With(0).Result;
        Assert.Equal(["Arithmetic", "Bytes", "Sft", "Transformer"], dry["plugins"]!.AsArray().Select(plugin => (string)plugin!["name"]!).Where(name => name != "Plumbline.Training").Order(StringComparer.Ordinal));
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Copies of one compiled plugin, each with a name and an id of its own of the same length.</summary>
    private string Generated()
    {
        var folder = Directory.CreateDirectory(_folder.At("plugins")).FullName;
        var dll = File.ReadAllBytes(Path.Combine(Repository.Plugins, "ExactAnswer", "Plumbline.Plugins.ExactAnswer.dll"));
        for (var i = 0; i < Count; i++)
        {
            var name = $"Plumbline.Plugins.Generat{i:0000}";
            var copy = Replace(Replace(dll, "Plumbline.Plugins.ExactAnswer", name), "exact-answer", $"exact-an{i:0000}");
            File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Path.Combine(folder, $"generated-{i:0000}")).FullName, name + ".dll"), copy);
        }

        return folder;
    }

    private static byte[] Replace(byte[] bytes, string from, string to)
    {
        byte[] copy = [.. bytes];
        var (old, with) = (Encoding.UTF8.GetBytes(from), Encoding.UTF8.GetBytes(to));
        for (var at = copy.AsSpan().IndexOf(old); at >= 0; at = copy.AsSpan().IndexOf(old))
        {
            with.CopyTo(copy, at);
        }

        return copy;
    }
}
