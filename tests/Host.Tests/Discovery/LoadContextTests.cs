using System.Reflection;
using System.Runtime.Loader;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

public sealed class LoadContextTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_plugins_contracts_are_the_hosts()
    {
        var part = Installed.Registry().Find("reward", "exact-answer")!;
        Assert.Same(typeof(IReward), part.Type.GetInterface(nameof(IReward)));
        Assert.IsAssignableFrom<IReward>(part.Create(new ServiceCollection().BuildServiceProvider(), Activator.CreateInstance(part.OptionsType!)));
        Assert.NotSame(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(part.Type.Assembly));
    }

    [Fact]
    public void A_copy_of_the_contracts_in_the_plugins_folder_is_not_used()
    {
        var plugins = Copied("PrivateLibrary");
        foreach (var contract in new[] { "Plumbline.Abstractions.dll", "Plumbline.Torch.dll", "Plumbline.Training.dll" })
        {
            File.Copy(Path.Combine(AppContext.BaseDirectory, contract), Path.Combine(plugins, "PrivateLibrary", contract));
        }

        var part = Installed.Registry(plugins).Find("reward", "private-library")!;
        Assert.Same(typeof(RowReward), part.Type.BaseType);
    }

    [Fact]
    public void Two_plugins_live_in_two_contexts()
    {
        var registry = Installed.Registry();
        var (one, two) = (registry.Find("data", "arithmetic")!, registry.Find("reward", "exact-answer")!);
        Assert.NotSame(AssemblyLoadContext.GetLoadContext(one.Type.Assembly), AssemblyLoadContext.GetLoadContext(two.Type.Assembly));
        Assert.Same(one, registry.Find("data", "arithmetic"));
    }

    [Fact]
    public void A_library_of_the_plugins_own_is_loaded_from_its_folder_into_its_context()
    {
        var plugins = Copied("PrivateLibrary");
        var part = Installed.Registry(plugins).Find("reward", "private-library")!;
        var reward = (RowReward)part.Create(new ServiceCollection().BuildServiceProvider(), null);
        Assert.Equal([0.0, 1.0], new[] { 0, 1 }.Select(sample => reward.Score(RolloutOf(sample))));
        var library = AssemblyLoadContext.GetLoadContext(part.Type.Assembly)!.Assemblies.Single(assembly => assembly.GetName().Name == "Plumbline.Plugins.ParityLibrary");
        Assert.Equal(Path.Combine(plugins, "PrivateLibrary", "Plumbline.Plugins.ParityLibrary.dll"), library.Location);
        Assert.DoesNotContain(AssemblyLoadContext.Default.Assemblies, assembly => assembly.GetName().Name == "Plumbline.Plugins.ParityLibrary");
    }

    [Fact]
    public void Two_major_versions_of_one_library_and_a_native_library_serve_one_run()
    {
        var plugins = _folder.Plugins("Json12", "Json13", "OwnNative");
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo("\"json-12\", \"json-13\", \"own-native\"", 1)));
        Plumb.Run("run", manifest, "--plugins", plugins, "--out", _folder.At("out")).With(0);
        var metrics = JsonNode.Parse(File.ReadLines(_folder.At("out", "metrics.jsonl")).Single())!;
        Assert.Equal([12, 13, 41.5], new[] { "json-12", "json-13", "own-native" }.Select(id => (double)metrics["reward/" + id]!));
    }

    [Fact]
    public void Without_its_library_the_plugin_is_broken_before_it_is_loaded()
    {
        var plugins = Copied("PrivateLibrary");
        File.Delete(Path.Combine(plugins, "PrivateLibrary", "Plumbline.Plugins.ParityLibrary.dll"));
        var error = Assert.Throws<PlumblineException>(() => Installed.Registry(plugins).Find("reward", "private-library"));
        Assert.Contains("it needs Plumbline.Plugins.ParityLibrary.dll, which is not in its folder", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_hosts_private_libraries_are_not_for_plugins()
    {
        Assert.False(SharedAssemblies.Contains("Spectre.Console"));
        Assert.False(SharedAssemblies.Contains("Microsoft.Extensions.Hosting"));
        Assert.False(SharedAssemblies.IsFramework("Spectre.Console"));
        Assert.True(SharedAssemblies.Contains("Microsoft.Extensions.Logging.Abstractions"));
        Assert.True(SharedAssemblies.IsFramework("System.Text.Json"));
        Assert.False(SharedAssemblies.Contains("Microsoft.Extensions.Caching.Abstractions"));
    }

    [Fact]
    public void A_host_library_that_a_plugin_asks_for_by_name_is_hidden_by_the_native_loader_alone()
    {
        var library = new AssemblyName("Spectre.Console");
        var context = AssemblyLoadContext.GetLoadContext(Installed.Registry().Find("reward", "exact-answer")!.Type.Assembly)!;
#if MCMASTER_LOADER
        // The package's loader leaves to the default context what the plugin's folder has not.
        Assert.Same(AssemblyLoadContext.Default, AssemblyLoadContext.GetLoadContext(context.LoadFromAssemblyName(library)));
#else
        var error = Assert.Throws<FileNotFoundException>(() => context.LoadFromAssemblyName(library));
        Assert.Contains("Spectre.Console.dll is not in the plugin's folder", error.InnerException!.Message, StringComparison.Ordinal);
#endif
    }

    [Fact]
    public void A_library_that_nobody_has_is_missing_from_the_plugins_folder()
    {
        var context = AssemblyLoadContext.GetLoadContext(Installed.Registry().Find("reward", "exact-answer")!.Type.Assembly)!;
        var error = Assert.Throws<FileNotFoundException>(() => context.LoadFromAssemblyName(new AssemblyName("Nobody.Has.This")));
        Assert.Equal($"Nobody.Has.This.dll is not in the plugin's folder {Path.Combine(Repository.Plugins, "ExactAnswer")}", error.InnerException!.Message);
    }

    [Theory]
    [InlineData("Microsoft.Extensions.Options")]
    [InlineData("System.Text.Json")]
    public void A_plugins_own_copy_goes_before_the_hosts_where_only_a_shared_assembly_references_it(string library)
    {
        var plugins = Copied("PrivateLibrary");
        var own = new EmittedAssembly(library, referencesContract: false).WriteTo(Path.Combine(plugins, "PrivateLibrary"), library + ".dll");
        var context = AssemblyLoadContext.GetLoadContext(Installed.Registry(plugins).Find("reward", "private-library")!.Type.Assembly)!;
        Assert.Equal(own, context.LoadFromAssemblyName(new AssemblyName(library)).Location);
    }

    [Fact]
    public void A_plugin_built_against_a_later_contract_gets_the_hosts()
    {
        var path = new EmittedAssembly("Later", contract: new Version(99, 0, 0, 0)).WithReward("later").WriteTo(_folder.At("Later"), "Later.dll");
        Assert.NotNull(PluginAssemblies.Load("Later", path).GetType("Emitted.Part")!.GetCustomAttribute<RewardAttribute>());
    }

    public void Dispose() => _folder.Dispose();

    private static Rollout RolloutOf(int sample) => new()
    {
        Example = new Example(0, []),
        GroupId = 0,
        Sample = sample,
        Prompt = [1],
        Completion = [1],
        Logps = [0],
        Text = string.Empty,
        Truncated = false,
    };

    /// <summary>A plugins folder with copies, where tests may change files.</summary>
    private string Copied(string name)
    {
        var target = Directory.CreateDirectory(_folder.At("plugins", name)).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.TestPlugins, name)))
        {
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        }

        return _folder.At("plugins");
    }
}
