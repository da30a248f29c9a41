using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

/// <summary>An installed host keeps what came with it apart from what its user adds.</summary>
public sealed class PluginPlaceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Beside_a_program_that_was_built_here_is_one_folder_for_all()
    {
        Directory.CreateDirectory(_folder.At("plugins"));
        Assert.Equal(new PluginPlace(_folder.At("plugins"), Shipped: null), PluginPlace.Locate(null, _folder.At("bin", "deep")));
    }

    [Fact]
    public void Where_plugins_came_with_the_host_the_users_own_are_elsewhere()
    {
        var shipped = Shipped();
        var place = PluginPlace.Locate(null, _folder.Path);
        Assert.Equal(shipped, place.Shipped);
        Assert.EndsWith(Path.Combine("plumbline", "plugins"), place.Folder, StringComparison.Ordinal);
        Assert.False(place.Folder.StartsWith(_folder.Path, StringComparison.Ordinal));
        Assert.Equal(new PluginPlace(Repository.Plugins, shipped), PluginPlace.Locate(Repository.Plugins, _folder.Path));
    }

    [Fact]
    public void Both_are_there_and_a_plugin_of_the_users_takes_the_place_of_its_namesake()
    {
        var place = new PluginPlace(_folder.At("own"), Shipped());
        Assert.Equal(["First", "Second"], place.Scan().Select(plugin => plugin.Name));
        new EmittedAssembly("Third").WithReward("third").WriteTo(_folder.At("in", "Third"), "Third.dll");
        var store = new PluginStore(place);
        store.Add(_folder.At("in", "Third"));
        new EmittedAssembly("Second").WithReward("second-mended").WriteTo(_folder.At("in", "Second"), "Second.dll");
        Assert.Contains("a plugin 'Second' is installed already, with the host; give --replace", Assert.Throws<PlumblineException>(() => store.Add(_folder.At("in", "Second"))).Message, StringComparison.Ordinal);
        store.Add(_folder.At("in", "Second"), replace: true);
        var catalog = PluginCatalog.Open(place);
        Assert.Equal(["first", "second-mended", "third"], catalog.Ids("reward").Where(id => !catalog.Find("reward", id)!.Value.Plugin.BuiltIn));
        // What came with the host is as it was.
        Assert.True(File.Exists(Path.Combine(place.Shipped!, "Second", "Second.dll")));
        Assert.Contains("came with the host, and goes with it", Assert.Throws<PlumblineException>(() => store.Remove("First")).Message, StringComparison.Ordinal);
        store.Remove("Second");
        Assert.Contains("second", PluginCatalog.Open(place).Ids("reward"));
    }

    [Fact]
    public void An_id_that_came_with_the_host_is_the_hosts()
    {
        var place = new PluginPlace(_folder.At("own"), Shipped());
        new EmittedAssembly("Rival").WithReward("first").WriteTo(_folder.At("own", "Rival"), "Rival.dll");
        var catalog = PluginCatalog.Open(place);
        Assert.Equal("First", catalog.Find("reward", "first")!.Value.Plugin.Name);
        Assert.Contains("its reward 'first' is also in 'First'", catalog.Plugins.Single(plugin => plugin.Name == "Rival").Broken, StringComparison.Ordinal);
    }

    [Fact]
    public void A_lock_is_about_both()
    {
        var place = new PluginPlace(_folder.At("own"), Shipped());
        Directory.CreateDirectory(place.Folder);
        PluginLock.Of(place.Scan()).Write(place.Folder);
        _ = PluginCatalog.Open(place, locked: true);
        File.AppendAllText(Path.Combine(place.Shipped!, "First", "First.dll"), "x");
        Assert.Contains("First/First.dll was changed", Assert.Throws<PlumblineException>(() => PluginCatalog.Open(place, locked: true)).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>A folder with two plugins that came with the host.</summary>
    private string Shipped()
    {
        foreach (var name in new[] { "First", "Second" })
        {
            new EmittedAssembly(name).WithReward(name.ToLowerInvariant()).WriteTo(_folder.At("plugins", name), name + ".dll");
        }

        _folder.Write(Path.Combine("plugins", PluginPlace.Marker), "They came with the host.");
        return _folder.At("plugins");
    }
}
