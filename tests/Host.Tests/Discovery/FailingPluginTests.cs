using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

/// <summary>Plugins whose metadata is well, and whose code is not.</summary>
public sealed class FailingPluginTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_plugin_that_throws_while_it_is_configured_is_named_and_leaves_nothing_behind()
    {
        var services = new ServiceCollection();
        var registry = new PartRegistry(PluginCatalog.Open(_folder.Plugins("Unconfigurable")), services);
        foreach (var _ in new[] { "the first time", "and again" })
        {
            var error = Assert.Throws<PlumblineException>(() => registry.Find("reward", "unconfigurable"));
            Assert.Contains("'Unconfigurable'", error.Message, StringComparison.Ordinal);
            Assert.Contains("the licence of this plugin ran out", error.Message, StringComparison.Ordinal);
            Assert.Contains("remove it from the plugins folder", error.Message, StringComparison.Ordinal);
        }

        Assert.Empty(registry.Loaded);
        Assert.Empty(services);
        Assert.NotNull(registry.Find("reward", "exact-answer"));
    }

    [Fact]
    public void A_part_that_throws_when_it_is_made_names_its_kind_id_and_plugin()
    {
        var registry = Installed.Registry(_folder.Plugins("BornBroken"));
        var part = registry.Find("reward", "born-broken")!;
        var error = Assert.Throws<PlumblineException>(() => part.Create(new ServiceCollection().BuildServiceProvider(), null));
        Assert.Equal("reward 'born-broken' of plugin 'BornBroken' could not be created: the moon is in the wrong house; ask its author, or leave it out of the manifest", error.Message);
    }

    [Fact]
    public void Options_that_throw_while_they_are_read_refuse_the_manifest_and_name_the_plugin()
    {
        var registry = Installed.Registry(_folder.Plugins("UncheckedOptions"));
        var manifest = ManifestReader.Parse(Tiny.Manifest(Tiny.Grpo("""{ "use": "unchecked-options", "text": "x" }""")), "test");
        var error = Assert.Throws<ManifestException>(() => ManifestReader.Bind(manifest, registry));
        Assert.Contains("plugin 'UncheckedOptions' failed while its options were read: NotSupportedException: this text was not foreseen", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Options_that_can_not_be_made_without_arguments_are_named_with_part_and_plugin()
    {
        var registry = Installed.Registry(_folder.Plugins("OpenOptions"));
        var error = Assert.Throws<PlumblineException>(() => registry.Find("reward", "open-options"));
        Assert.Contains("plugin 'OpenOptions' can't be used", error.Message, StringComparison.Ordinal);
        Assert.Contains("the options type NeedyOptions of reward 'open-options' has no parameterless constructor; give every option a default", error.Message, StringComparison.Ordinal);
        Assert.NotNull(registry.Find("reward", "exact-answer"));
    }

    [Fact]
    public void A_declared_part_that_the_code_does_not_register_is_its_authors_to_mend()
    {
        new EmittedAssembly("Ghost").WithHiddenReward("ghost").WriteTo(_folder.At("plugins", "Ghost"), "Ghost.dll");
        var error = Assert.Throws<PlumblineException>(() => Installed.Registry(_folder.At("plugins")).Find("reward", "ghost"));
        Assert.Contains("plugin 'Ghost' declares reward 'ghost', and its code registers none; its author must make the class Emitted.Part public", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
