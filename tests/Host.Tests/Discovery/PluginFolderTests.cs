using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

/// <summary>What lies in a plugins folder, good and bad. Beside each bad plugin stands a good one, which must stay usable.</summary>
public sealed class PluginFolderTests : IDisposable
{
    private static readonly Version Contract = typeof(PartAttribute).Assembly.GetName().Version!;
    private readonly TemporaryFolder _folder = new();

    public PluginFolderTests() => new EmittedAssembly("Good").WithReward("good").WriteTo(_folder.At("Good"), "Good.dll");

    [Fact]
    public void A_plugin_is_a_folder_or_a_single_file()
    {
        new EmittedAssembly("Alone").WithReward("alone").WriteTo(_folder.Path, "Alone.dll");
        var catalog = Open();
        Assert.Equal(["Alone", "Good"], catalog.Plugins.Where(plugin => !plugin.BuiltIn).Select(plugin => plugin.Name));
        Assert.Equal(["alone", "good"], Rewards(catalog));
        Assert.Equal("1.2.3", catalog.Plugins[^1].Version);
    }

    [Fact]
    public void Names_that_begin_with_a_dot_are_passed_over()
    {
        new EmittedAssembly("Hidden").WithReward("hidden").WriteTo(_folder.At(".state"), "Hidden.dll");
        Assert.DoesNotContain(Open().Plugins, plugin => plugin.Name == ".state");
    }

    [Fact]
    public void The_hosts_own_parts_come_first_and_are_never_broken()
    {
        var first = Open().Plugins[0];
        Assert.Equal(("Plumbline.Training", true, null), (first.Name, first.BuiltIn, first.Broken));
        Assert.Contains(first.Parts, part => part is { Kind: "loop", Id: "sft" });
    }

    [Fact]
    public void An_empty_folder_is_named_with_what_to_do()
    {
        Directory.CreateDirectory(_folder.At("Empty"));
        IsBroken("Empty", "there is no .dll in the folder", "remove the folder");
    }

    [Fact]
    public void A_text_named_dll_is_named_with_what_to_do()
    {
        _folder.Write("Text/Text.dll", "this is no assembly");
        IsBroken("Text", "Text.dll", "copy it again");
        _folder.Write("Text/Text.deps.json", "{}");
        IsBroken("Text", "Text.dll can't be read", "it is no .NET assembly or is cut short: copy it again");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(600)]
    [InlineData(1100)]
    public void An_assembly_cut_short_is_named_with_what_to_do(int bytes)
    {
        var path = new EmittedAssembly("Cut").WithReward("cut").WriteTo(_folder.At("Cut"), "Cut.dll");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..bytes]);
        _folder.Write("Cut/Cut.deps.json", "{}");
        IsBroken("Cut", "Cut.dll can't be read", "copy it again");
    }

    [Fact]
    public void An_assembly_of_any_plugin_cut_short_anywhere_never_takes_the_host_down()
    {
        var whole = File.ReadAllBytes(Path.Combine(Repository.Plugins, "Dpo", "Plumbline.Plugins.Dpo.dll"));
        _folder.Write("Cut/Cut.deps.json", "{}");
        for (var length = 0; length < whole.Length; length += 97)
        {
            File.WriteAllBytes(_folder.At("Cut", "Cut.dll"), whole[..length]);
            Assert.Contains("copy it again", Open().Plugins.Single(plugin => plugin.Name == "Cut").Broken, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_module_without_an_assembly_is_named_with_what_to_do()
    {
        new EmittedAssembly("Module", isModule: true).WithReward("module").WriteTo(_folder.At("Module"), "Module.dll");
        _folder.Write("Module/Module.deps.json", "{}");
        IsBroken("Module", "Module.dll can't be read", "copy it again");
    }

    [Fact]
    public void An_attribute_of_another_shape_is_that_plugins_trouble_alone()
    {
        new EmittedAssembly("Shape").WithPart("Part", "RewardAttribute", []).WriteTo(_folder.At("Shape"), "Shape.dll");
        _folder.Write("Shape/Shape.deps.json", "{}");
        IsBroken("Shape", "Shape.dll can't be read");
    }

    [Fact]
    public void A_library_that_knows_no_contract_is_no_plugin()
    {
        new EmittedAssembly("Library", referencesContract: false).WriteTo(_folder.At("Library"), "Library.dll");
        IsBroken("Library", "none of its assemblies (Library.dll) references Plumbline.Abstractions", "it is no plugin");
        new EmittedAssembly("Single", referencesContract: false).WriteTo(_folder.Path, "Single.dll");
        IsBroken("Single", "it does not reference Plumbline.Abstractions", "move it into the folder of the plugin that needs it");
    }

    [Fact]
    public void Two_plugins_in_one_folder_are_both_named()
    {
        new EmittedAssembly("First").WithReward("first").WriteTo(_folder.At("Both"), "First.dll");
        new EmittedAssembly("Second").WithReward("second").WriteTo(_folder.At("Both"), "Second.dll");
        IsBroken("Both", "First.dll, Second.dll", "give each plugin a folder of its own");
    }

    [Fact]
    public void The_assembly_with_a_deps_file_is_the_plugin_and_the_others_are_its_libraries()
    {
        new EmittedAssembly("Main").Referencing("Library").WithReward("main").WriteTo(_folder.At("Main"), "Main.dll");
        new EmittedAssembly("Library").WithReward("of-the-library").WriteTo(_folder.At("Main"), "Library.dll");
        _folder.Write("Main/Main.deps.json", "{}");
        Assert.Null(Open().Plugins.Single(plugin => plugin.Name == "Main").Broken);
        Assert.Equal(["good", "main"], Rewards(Open()));
    }

    [Fact]
    public void A_missing_dependency_is_named_with_what_to_do()
    {
        new EmittedAssembly("Needy").Referencing("Missing.One").Referencing("Missing.Two").Referencing("System.Text.Json").WithReward("needy").WriteTo(_folder.At("Needy"), "Needy.dll");
        IsBroken("Needy", "it needs Missing.One.dll, Missing.Two.dll, which are not in its folder", "publish the plugin with its dependencies");
    }

    [Fact]
    public void A_plugin_brings_what_the_host_has_none_of_to_share()
    {
        new EmittedAssembly("Caching").Referencing("Microsoft.Extensions.Caching.Abstractions").WithReward("caching").WriteTo(_folder.At("Caching"), "Caching.dll");
        IsBroken("Caching", "it needs Microsoft.Extensions.Caching.Abstractions.dll");
        new EmittedAssembly("Microsoft.Extensions.Caching.Abstractions", referencesContract: false).WriteTo(_folder.At("Caching"), "Microsoft.Extensions.Caching.Abstractions.dll");
        Assert.Null(Open().Plugins.Single(plugin => plugin.Name == "Caching").Broken);
    }

    [Fact]
    public void A_plugin_for_a_newer_contract_says_to_update_the_host()
    {
        new EmittedAssembly("Newer", new Version(Contract.Major, Contract.Minor + 1, 0, 0)).WithReward("newer").WriteTo(_folder.At("Newer"), "Newer.dll");
        IsBroken("Newer", $"it needs contract {Contract.Major}.{Contract.Minor + 1}.0.0 or later, and this host has {Contract.ToString(3)}", "update the host");
    }

    [Fact]
    public void A_plugin_for_older_contracts_says_to_update_the_plugin()
    {
        new EmittedAssembly("Older", new Version(0, 0, 1, 0)).WithRange("0.0.1", Contract.ToString(3)).WithReward("older").WriteTo(_folder.At("Older"), "Older.dll");
        IsBroken("Older", $"it was built for contracts below {Contract.ToString(3)}", "take a newer version of the plugin");
    }

    [Fact]
    public void A_stated_range_wins_over_what_the_plugin_was_built_against()
    {
        new EmittedAssembly("Wide", new Version(Contract.Major, Contract.Minor + 1, 0, 0)).WithRange("0.0.1", "99.0").WithReward("wide").WriteTo(_folder.At("Wide"), "Wide.dll");
        Assert.Equal(["good", "wide"], Rewards(Open()));
    }

    [Fact]
    public void A_range_that_is_no_range_is_named()
    {
        new EmittedAssembly("Odd").WithRange("one", "two").WithReward("odd").WriteTo(_folder.At("Odd"), "Odd.dll");
        _folder.Write("Odd/Odd.deps.json", "{}");
        IsBroken("Odd", "its contract range 'one' to 'two' is no pair of versions");
    }

    [Fact]
    public void An_id_in_two_plugins_breaks_both_and_each_names_the_other()
    {
        new EmittedAssembly("Mine").WithReward("same").WriteTo(_folder.At("Mine"), "Mine.dll");
        new EmittedAssembly("Yours").WithReward("same").WithReward("other", "Other").WriteTo(_folder.At("Yours"), "Yours.dll");
        IsBroken("Mine", "its reward 'same' is also in 'Yours'", "keep one of them in the plugins folder");
        IsBroken("Yours", "its reward 'same' is also in 'Mine'", "keep one of them in the plugins folder");
        var error = Assert.Throws<PlumblineException>(() => Open().Find("reward", "same"));
        Assert.Contains("also in", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_id_of_the_hosts_own_breaks_only_the_plugin()
    {
        new EmittedAssembly("Loop").WithPart("Part", "LoopAttribute", ["sft"]).WriteTo(_folder.At("Loop"), "Loop.dll");
        IsBroken("Loop", "its loop 'sft' is also in 'Plumbline.Training'");
        Assert.Equal("Plumbline.Training", Open().Find("loop", "sft")!.Value.Plugin.Name);
    }

    [Fact]
    public void A_plugin_that_can_not_be_used_takes_no_id_from_another()
    {
        new EmittedAssembly("Old", new Version(99, 0, 0, 0)).WithReward("good").WriteTo(_folder.At("AnOldOne"), "Old.dll");
        IsBroken("AnOldOne", "it needs contract 99");
        Assert.Equal("Good", Open().Find("reward", "good")!.Value.Plugin.Name);
    }

    [Fact]
    public void One_id_may_stand_in_several_kinds()
    {
        new EmittedAssembly("Kinds").WithPart("Part", "DataAttribute", ["good"]).WriteTo(_folder.At("Kinds"), "Kinds.dll");
        Assert.All(Open().Plugins, plugin => Assert.Null(plugin.Broken));
        Assert.Equal(2, Open().WithId("good").Count());
    }

    [Fact]
    public void An_id_twice_in_one_plugin_is_named_with_both_classes()
    {
        new EmittedAssembly("Twice").WithReward("r", "One").WithReward("r", "Two").WriteTo(_folder.At("Twice"), "Twice.dll");
        IsBroken("Twice", "it declares reward 'r' twice, in Emitted.One and Emitted.Two");
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        var error = Assert.Throws<PlumblineException>(() => PluginCatalog.Open(_folder.At("none")));
        Assert.Contains(_folder.At("none"), error.Message, StringComparison.Ordinal);
        Assert.Contains("--plugins", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Those of the folder; some come with the host.</summary>
    private static IEnumerable<string> Rewards(PluginCatalog catalog) => catalog.Ids("reward").Where(id => !catalog.Find("reward", id)!.Value.Plugin.BuiltIn);

    private PluginCatalog Open() => PluginCatalog.Open(_folder.Path);

    private void IsBroken(string name, params string[] words)
    {
        var catalog = Open();
        var reason = catalog.Plugins.Single(plugin => plugin.Name == name).Broken;
        Assert.NotNull(reason);
        Assert.All(words, word => Assert.Contains(word, reason, StringComparison.Ordinal));
        Assert.Contains("good", catalog.Ids("reward"));
        Assert.Equal("Good", catalog.Find("reward", "good")!.Value.Plugin.Name);
    }
}
