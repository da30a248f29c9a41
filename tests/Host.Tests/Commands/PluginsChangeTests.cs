namespace Plumbline.Tests.Host.Commands;

/// <summary>The commands that change a plugins folder, as a user gives them.</summary>
public sealed class PluginsChangeTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Plugins => _folder.At("plugins");

    [Fact]
    public void A_plugin_is_added_run_locked_changed_and_removed()
    {
        _folder.Plugins();
        var source = Path.Combine(Repository.TestPlugins, "Trouble");
        Assert.Contains("reward trouble", (string)Do("add", source, "--json").With(0).Json()["parts"]![0]!, StringComparison.Ordinal);
        Do("lock").With(0);
        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("none"))));
        Run("one").With(0);
        File.AppendAllText(Path.Combine(Plugins, "Trouble", "Trouble.txt"), "x");
        var refused = Run("two").With(1);
        Assert.Contains("Trouble/Trouble.txt was added", refused.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder.At("two")));
        Do("remove", "Trouble").With(0);
        Assert.Contains("was not installed", Do("add", _folder.Write("bad.dll", "no assembly")).With(1).Error, StringComparison.Ordinal);

        Plumb.Ended Run(string name) => Plumb.Run("run", manifest, "--plugins", Plugins, "--locked", "--out", _folder.At(name));
    }

    [Theory]
    [InlineData("PrivateLibrary", 0, "reward private-library", "well: it can be installed")]
    [InlineData("Unconfigurable", 1, "the licence of this plugin ran out", "not well")]
    public void Check_loads_a_plugin_apart_and_reports(string plugin, int code, params string[] words)
    {
        var check = Plumb.Run("plugins", "check", Path.Combine(Repository.TestPlugins, plugin)).With(code);
        Assert.All(words, word => Assert.Contains(word, check.Output, StringComparison.Ordinal));
    }

    [Fact]
    public void Check_runs_the_reference_cases()
    {
        var vectors = Path.Combine(Repository.Root, "tests", "vectors", "simpo.json");
        var check = Plumb.Run("plugins", "check", Path.Combine(Repository.Plugins, "SimPo"), "--vectors", vectors).With(0);
        Assert.Matches(@"reference cases: \d+ passed, 0 failed", check.Output);
        var json = JsonNode.Parse(File.ReadAllText(vectors))!;
        // Another beta than the case's numbers were worked out with.
        json["cases"]!.AsArray().Single(@case => (string?)@case!["name"] == "defaults")!["options"]!["beta"] = 7;
        var wrong = _folder.Write("wrong.json", json.ToJsonString());
        Assert.Matches(@"reference cases: \d+ passed, [1-9]\d* failed", Plumb.Run("plugins", "check", Path.Combine(Repository.Plugins, "SimPo"), "--vectors", wrong).With(1).Output);
    }

    [Fact]
    public void The_newest_version_that_fits_is_taken_from_an_index()
    {
        var index = Index(hash: null);
        var found = Do("search", "--index", index).With(0).Output;
        Assert.Contains("1.1.0", found, StringComparison.Ordinal);
        Assert.Contains("it scores backwards", found, StringComparison.Ordinal);
        Assert.Contains("no plugin 'troubel'; did you mean 'trouble'?", Do("add", "troubel", "--index", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("'trouble' 1.2.0 is blocked: it scores backwards; take 1.1.0", Do("add", "trouble@1.2.0", "--index", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("'trouble' 9.0.0 is for contracts from 99.0 to below 100.0", Do("add", "trouble@9.0.0", "--index", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("has no version '5.0.0'; it has 9.0.0, 1.2.0, 1.1.0, 1.0.0", Do("add", "trouble@5.0.0", "--index", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("installed trouble", Do("add", "trouble", "--index", index).With(0).Output, StringComparison.Ordinal);
        Assert.Contains("installed trouble", Do("add", "trouble@1.0.0", "--replace", "--index", index).With(0).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void An_index_may_be_on_a_web_server()
    {
        Index(hash: null);
        using var server = new FileServer(_folder.Path);
        Assert.Contains("1.1.0", Do("search", "--index", server.Address + "index.json").With(0).Output, StringComparison.Ordinal);
        Assert.Contains("installed trouble", Do("add", "trouble", "--index", server.Address + "index.json").With(0).Output, StringComparison.Ordinal);
        File.Delete(_folder.At("trouble.zip"));
        Assert.Contains($"{server.Address}trouble.zip can't be read", Do("add", "trouble", "--replace", "--index", server.Address + "index.json").With(1).Error, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Plugins, "trouble", "Plumbline.Plugins.Trouble.dll")));
        Assert.Contains("none.json can't be read", Do("search", "--index", server.Address + "none.json").With(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_package_that_is_not_what_the_index_says_is_not_installed()
    {
        var error = Do("add", "trouble", "--index", Index(hash: new string('0', 64))).With(1).Error;
        Assert.Contains("is not what the index says of 'trouble' 1.1.0", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(Plugins, "trouble")));
        Assert.Contains("no index is named; give --index PATH|URL, or set $PLUMB_INDEX", Do("search").With(1).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Packages_are_entered_into_an_index_and_what_is_in_it_stays()
    {
        var package = Package("2.0.0");
        var index = _folder.Write("made.json", """{ "index": 1, "plugins": { "other": { "summary": "Of another author.", "versions": [] }, "trouble": { "summary": "", "versions": [], "blocked": [ { "version": "1.0.0", "reason": "too old" } ] } } }""");
        foreach (var _ in new[] { "once", "and again" })
        {
            Assert.Contains("lists trouble 2.0.0", Do("index", package, "--out", index).With(0).Output, StringComparison.Ordinal);
        }

        var plugins = JsonNode.Parse(File.ReadAllText(index))!["plugins"]!;
        Assert.Equal("Of another author.", (string)plugins["other"]!["summary"]!);
        Assert.Equal("too old", (string)plugins["trouble"]!["blocked"]![0]!["reason"]!);
        var version = Assert.Single(plugins["trouble"]!["versions"]!.AsArray())!;
        Assert.Equal(("0.1.0.0", "1.0", "trouble.2.0.0.nupkg"), ((string)version["contract"]!["from"]!, (string)version["contract"]!["below"]!, (string)version["package"]!));
        Assert.Contains("installed trouble", Do("add", "trouble", "--index", index).With(0).Output, StringComparison.Ordinal);
        Assert.Contains("there is no package or folder", Do("index", "none.nupkg", "--out", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("states no version", Do("index", Package(version: null), "--out", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("is no package: make one by dotnet pack", Do("index", Path.Combine(Repository.TestPlugins, "Trouble", "Plumbline.Plugins.Trouble.dll"), "--out", index).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("its 'trouble' is no object", Do("index", package, "--out", _folder.Write("odd.json", """{ "plugins": { "trouble": 3 } }""")).With(1).Error, StringComparison.Ordinal);
        Assert.Contains("holds no JSON object", Do("index", package, "--out", _folder.Write("list.json", "[]")).With(1).Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>A package of a plugin, with or without a specification.</summary>
    private string Package(string? version)
    {
        var path = _folder.At($"trouble.{version ?? "none"}.nupkg");
        using var archive = System.IO.Compression.ZipFile.Open(path, System.IO.Compression.ZipArchiveMode.Create);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.TestPlugins, "Trouble")))
        {
            System.IO.Compression.ZipFileExtensions.CreateEntryFromFile(archive, file, "plugin/" + Path.GetFileName(file));
        }

        if (version is not null)
        {
            using var specification = new StreamWriter(archive.CreateEntry("trouble.nuspec").Open());
            specification.Write($"<package><metadata><id>trouble</id><version>{version}</version><description>Ways to go wrong.</description></metadata></package>");
        }

        return path;
    }

    private Plumb.Ended Do(params string[] arguments) => Plumb.Run(["plugins", .. arguments, "--plugins", Plugins]);

    private string Index(string? hash)
    {
        Directory.CreateDirectory(Plugins);
        var package = _folder.At("trouble.zip");
        System.IO.Compression.ZipFile.CreateFromDirectory(Path.Combine(Repository.TestPlugins, "Trouble"), package);
        hash ??= Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(package)));
        JsonObject Version(string version, string from, string below) => new()
        {
            ["version"] = version, ["contract"] = new JsonObject { ["from"] = from, ["below"] = below }, ["package"] = "trouble.zip", ["sha256"] = hash,
        };
        return _folder.Write("index.json", new JsonObject
        {
            ["index"] = 1,
            ["plugins"] = new JsonObject
            {
                ["trouble"] = new JsonObject
                {
                    ["summary"] = "Ways to go wrong.",
                    ["versions"] = new JsonArray(Version("1.0.0", "0.1", "1.0"), Version("9.0.0", "99.0", "100.0"), Version("1.1.0", "0.1", "1.0"), Version("1.2.0", "0.1", "1.0")),
                    ["blocked"] = new JsonArray(new JsonObject { ["version"] = "1.2.0", ["reason"] = "it scores backwards" }),
                },
            },
        }.ToJsonString());
    }
}
