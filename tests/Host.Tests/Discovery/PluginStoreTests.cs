using System.IO.Compression;
using System.Reflection.PortableExecutable;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

/// <summary>Plugins come in and go out whole or not at all.</summary>
public sealed class PluginStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PluginStoreTests()
    {
        Directory.CreateDirectory(Plugins);
        new EmittedAssembly("Good").WithReward("good").WriteTo(Path.Combine(Plugins, "Good"), "Good.dll");
    }

    private string Plugins => _folder.At("plugins");

    [Fact]
    public void A_folder_an_assembly_and_a_package_are_installed_by_their_names()
    {
        var folder = _folder.At("New");
        new EmittedAssembly("New").WithReward("new").WriteTo(folder, "New.dll");
        Assert.Equal("New", Add(folder).Name);
        Assert.Equal("Alone", Add(new EmittedAssembly("Alone").WithReward("alone").WriteTo(_folder.At("x"), "Alone.dll")).Name);
        Assert.Equal("my-method", Add(Package("my-method.1.0.0.nupkg", ("my-method.nuspec", "<package><metadata><id>my-method</id></metadata></package>"), ("lib/net10.0/Packed.dll", Emitted("Packed", "packed")))).Name);
        Assert.Equal("whole", Add(Package("whole.nupkg", ("plugin/Whole.dll", Emitted("Whole", "whole")), ("lib/net10.0/Other.dll", Emitted("Other", "other")))).Name);
        Assert.Equal(["alone", "good", "new", "packed", "whole"], Rewards());
        Assert.Equal(["Alone", "Good", "New", "my-method", "whole"], Directory.EnumerateFileSystemEntries(Plugins).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void What_is_installed_is_replaced_only_when_that_is_asked_for()
    {
        var source = new EmittedAssembly("Good").WithReward("better").WriteTo(_folder.At("Good"), "Good.dll");
        Refused(Path.GetDirectoryName(source)!, "a plugin 'Good' is installed already", "--replace");
        new PluginStore(new PluginPlace(Plugins, Shipped: null)).Add(Path.GetDirectoryName(source)!, replace: true);
        Assert.Equal(["better"], Rewards());
    }

    [Theory]
    [InlineData("../Outside")]
    [InlineData("a/b")]
    [InlineData(".hidden")]
    [InlineData("")]
    public void A_name_that_is_none_for_a_folder_is_refused(string name)
    {
        var source = new EmittedAssembly("Fine").WithReward("fine").WriteTo(_folder.At("x"), "Fine.dll");
        var before = Content();
        Assert.Contains("is no name for a plugin", Assert.Throws<PlumblineException>(() => new PluginStore(new PluginPlace(Plugins, Shipped: null)).Add(source, name: name)).Message, StringComparison.Ordinal);
        Assert.Equal(before, Content());
        Assert.False(Directory.Exists(_folder.At("Outside")));
    }

    [Fact]
    public void A_specification_that_is_no_xml_is_refused() =>
        Refused(Package("odd.nupkg", ("odd.nuspec", "<package><metadata"), ("plugin/Fine.dll", Emitted("Fine", "fine"))), "is no package, or is cut short");

    [Fact]
    public void What_a_killed_command_left_is_cleared_away_and_what_it_had_moved_aside_is_put_back()
    {
        var left = Path.Combine(Plugins, ".staging-1");
        new EmittedAssembly("Old").WithReward("old").WriteTo(Path.Combine(left, "before"), "Old.dll");
        new EmittedAssembly("Old").WithReward("newer").WriteTo(Path.Combine(left, "Old"), "Old.dll");
        var single = Path.Combine(Plugins, ".staging-3");
        new EmittedAssembly("Single").WithReward("single").WriteTo(single, "before");
        new EmittedAssembly("Single").WithReward("single-newer").WriteTo(Path.Combine(single, "Single"), "Single.dll");
        Directory.SetLastWriteTimeUtc(single, DateTime.UtcNow.AddHours(-2));
        var young = Directory.CreateDirectory(Path.Combine(Plugins, ".staging-2")).FullName;
        Directory.SetLastWriteTimeUtc(left, DateTime.UtcNow.AddHours(-2));
        Add(new EmittedAssembly("New").WithReward("new").WriteTo(_folder.At("x"), "New.dll"));
        Assert.Equal(["Good", "New", "Old", "Single"], PluginFolder.Scan(Plugins).Select(plugin => plugin.Name));
        Assert.Equal("old", PluginFolder.Scan(Plugins)[2].Parts.Single().Id);
        Assert.Equal("single", PluginFolder.Scan(Plugins)[3].Parts.Single().Id);
        Assert.False(Directory.Exists(left));
        // Another command may be at work there.
        Assert.True(Directory.Exists(young));
    }

    [Fact]
    public void A_removed_plugin_is_gone_and_an_unknown_one_is_refused_with_the_nearest()
    {
        var error = Assert.Throws<PlumblineException>(() => new PluginStore(new PluginPlace(Plugins, Shipped: null)).Remove("Godo"));
        Assert.Contains("did you mean 'Good'?", error.Message, StringComparison.Ordinal);
        new PluginStore(new PluginPlace(Plugins, Shipped: null)).Remove("Good");
        Assert.Empty(Directory.EnumerateFileSystemEntries(Plugins));
    }

    [Theory]
    [InlineData("../Evil.dll")]
    [InlineData("plugin/../../Evil.dll")]
    [InlineData("/etc/Evil.dll")]
    [InlineData("plugin\\..\\Evil.dll")]
    [InlineData("C:/Evil.dll")]
    public void A_package_whose_entry_would_leave_the_folder_is_refused_by_name(string entry) =>
        Refused(Package("evil.nupkg", (entry, Emitted("Evil", "evil")), ("plugin/Fine.dll", Emitted("Fine", "fine"))), $"its entry '{entry}' would leave the plugin's folder", "ask its author");

    [Fact]
    public void A_package_with_a_link_is_refused()
    {
        var path = Package("link.zip", ("plugin/Fine.dll", Emitted("Fine", "fine")));
        using (var archive = ZipFile.Open(path, ZipArchiveMode.Update))
        {
            var link = archive.CreateEntry("plugin/passwords");
            link.ExternalAttributes = unchecked((int)0xA1FF0000);
            using var target = new StreamWriter(link.Open());
            target.Write("/etc/passwd");
        }

        Refused(path, "its entry 'plugin/passwords' is a link");
    }

    [Fact]
    public void A_package_that_broke_off_is_refused()
    {
        var path = Package("short.nupkg", ("plugin/Fine.dll", Emitted("Fine", "fine")));
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^30]);
        Refused(path, "is no package, or is cut short", "fetch it again");
    }

    [Fact]
    public void A_package_with_a_program_where_a_plugin_should_be_is_refused()
    {
        // plumb itself is one: a managed program that references the contracts.
        Refused(Package("program.nupkg", ("plugin/plumb.dll", File.ReadAllBytes(Repository.Program))), "plumb.dll is a program, and a plugin is a library");
        Refused(Package("native.nupkg", ("plugin/native.dll", File.ReadAllBytes("/bin/true"))), "none of its assemblies (native.dll) references Plumbline.Abstractions");
        Refused(Package("text.nupkg", ("readme.txt", "hello")), "holds no plugin");
    }

    [Fact]
    public void An_assembly_for_another_processor_is_refused()
    {
        var bytes = new EmittedAssembly("Other").WithReward("other").Bytes();
        using (var reader = new PEReader(new MemoryStream(bytes)))
        {
            // The machine is the first field of the COFF header.
            BitConverter.TryWriteBytes(bytes.AsSpan(reader.PEHeaders.CoffHeaderStartOffset), (ushort)(System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.Arm64 ? Machine.Amd64 : Machine.Arm64));
        }

        _folder.Write("Other/x", string.Empty);
        File.WriteAllBytes(_folder.At("Other", "Other.dll"), bytes);
        Refused(_folder.At("Other"), "it was built for ", "this host runs on ");
    }

    [Fact]
    public void What_would_make_another_plugin_unusable_is_refused()
    {
        Refused(new EmittedAssembly("Second").WithReward("good").WriteTo(_folder.At("y"), "Second.dll"), "its reward 'good' is also in plugin 'Good'", "plumb plugins remove Good");
        Refused(new EmittedAssembly("Newer", contract: new Version(99, 0)).WithReward("newer").WriteTo(_folder.At("y"), "Newer.dll"), "it needs contract 99.0");
        Refused(new EmittedAssembly("Hungry").Referencing("Missing").WithReward("hungry").WriteTo(_folder.At("y"), "Hungry.dll"), "it needs Missing.dll");
        Refused(new EmittedAssembly("Empty").WriteTo(_folder.At("y"), "Empty.dll"), "declares no part");
        Refused(_folder.At("nowhere.nupkg"), "there is no file or folder");
    }

    [Fact]
    public void A_lock_names_each_file_added_changed_or_missing()
    {
        new EmittedAssembly("Stays").WithReward("stays").WriteTo(Path.Combine(Plugins, "Stays"), "Stays.dll");
        new EmittedAssembly("Goes").WithReward("goes").WriteTo(Path.Combine(Plugins, "Goes"), "Goes.dll");
        Assert.Contains("plumb plugins lock", Assert.Throws<PlumblineException>(() => PluginCatalog.Open(Plugins, locked: true)).Message, StringComparison.Ordinal);
        PluginLock.Of(PluginFolder.Scan(Plugins)).Write(Plugins);
        Assert.NotNull(PluginCatalog.Open(Plugins, locked: true));

        File.AppendAllText(Path.Combine(Plugins, "Good", "Good.dll"), "x");
        File.WriteAllText(Path.Combine(Plugins, "Stays", "more.txt"), "x");
        Directory.Delete(Path.Combine(Plugins, "Goes"), recursive: true);
        new EmittedAssembly("Comes").WithReward("comes").WriteTo(Path.Combine(Plugins, "Comes"), "Comes.dll");
        var error = Assert.Throws<PlumblineException>(() => PluginCatalog.Open(Plugins, locked: true)).Message;
        Assert.Contains("plugin 'Comes' was added; plugin 'Goes' is missing; Good/Good.dll was changed; Stays/more.txt was added. Put them back, or accept them with plumb plugins lock", error, StringComparison.Ordinal);
        Assert.NotNull(PluginCatalog.Open(Plugins));
    }

    [Fact]
    public void Adding_and_removing_keep_a_lock_true()
    {
        PluginLock.Of(PluginFolder.Scan(Plugins)).Write(Plugins);
        Add(new EmittedAssembly("Alone").WithReward("alone").WriteTo(_folder.At("x"), "Alone.dll"));
        Assert.Equal(["alone", "good"], PluginCatalog.Open(Plugins, locked: true).Ids("reward").Where(id => id is "alone" or "good"));
        new PluginStore(new PluginPlace(Plugins, Shipped: null)).Remove("Good");
        Assert.NotNull(PluginCatalog.Open(Plugins, locked: true));
    }

    public void Dispose() => _folder.Dispose();

    private static byte[] Emitted(string name, string reward) => new EmittedAssembly(name).WithReward(reward).Bytes();

    private InstalledPlugin Add(string source) => new PluginStore(new PluginPlace(Plugins, Shipped: null)).Add(source);

    private string[] Rewards() => [.. PluginCatalog.Open(Plugins).Plugins.Where(plugin => !plugin.BuiltIn).SelectMany(plugin => plugin.Parts).Select(part => part.Id).Order(StringComparer.Ordinal)];

    /// <summary>It is refused with these words, and the folder is as it was.</summary>
    private void Refused(string source, params string[] words)
    {
        var before = Content();
        var error = Assert.Throws<PlumblineException>(() => Add(source));
        Assert.All(words, word => Assert.Contains(word, error.Message, StringComparison.Ordinal));
        Assert.Equal(before, Content());
    }

    private string[] Content() => [.. Directory.EnumerateFileSystemEntries(_folder.Path, "*", SearchOption.AllDirectories).Where(path => path.StartsWith(Plugins, StringComparison.Ordinal) || path.Contains("Evil", StringComparison.Ordinal))
        .Select(path => File.Exists(path) ? $"{path} {PluginFiles.Hash(path)}" : path).Order(StringComparer.Ordinal)];

    private string Package(string name, params (string Entry, object Content)[] entries)
    {
        var path = _folder.At(name);
        using var archive = ZipFile.Open(path, ZipArchiveMode.Create);
        foreach (var (entry, content) in entries)
        {
            using var stream = archive.CreateEntry(entry).Open();
            stream.Write(content as byte[] ?? System.Text.Encoding.UTF8.GetBytes((string)content));
        }

        return path;
    }
}
