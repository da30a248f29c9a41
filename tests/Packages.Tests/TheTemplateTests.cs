namespace Plumbline.Tests.Packages;

/// <summary>dotnet new plumb-plugin, for each loop that it knows: what it makes builds, passes its tests, packs, installs and runs as it is.</summary>
public sealed class TheTemplateTests
{
    [Theory]
    [InlineData("offline-pairs")]
    [InlineData("online-groups")]
    [InlineData("sft")]
    public void What_it_makes_works_as_it_is(string loop)
    {
        using var folder = new TemporaryFolder();
        var output = Feed.Author(folder, $"""
            cat > nuget.config <<'END'
            <configuration><packageSources><add key="plumbline" value="{Feed.Folder}" /></packageSources></configuration>
            END
            dotnet new install "$PACKAGES"/Plumbline.Templates.*.nupkg
            dotnet new plumb-plugin --id brand-new-{loop} --loop {loop} -o Brand.New
            cd Brand.New
            dotnet test --project Brand.New.Tests
            dotnet pack Brand.New -o packages
            """);
        Assert.Contains("total: 2", output, StringComparison.Ordinal);
        Assert.Contains("failed: 0", output, StringComparison.Ordinal);
        var package = folder.At("Brand.New", "packages", $"brand-new-{loop}.1.0.0.nupkg");
        Assert.Contains("reference cases: 2 passed, 0 failed", Plumb.Run("plugins", "check", package).With(0).Output, StringComparison.Ordinal);
        var plugins = folder.Plugins();
        Plumb.Run("plugins", "add", package, "--plugins", plugins).With(0);
        Plumb.Run("run", folder.At("Brand.New", "manifest.jsonc"), "--plugins", plugins, "--out", folder.At("out")).With(0);
        Assert.NotEmpty(File.ReadAllLines(folder.At("out", "metrics.jsonl")));
    }

    [Fact]
    public void It_names_the_version_that_is_packed_with_it()
    {
        var version = typeof(PartAttribute).Assembly.GetName().Version!.ToString(3);
        Assert.True(File.Exists(Path.Combine(Feed.Folder, $"Plumbline.Training.{version}.nupkg")));
        foreach (var file in new[] { "templates/plumb-plugin/.template.config/template.json", "samples/ThirdParty/Directory.Build.props", "docs/authoring.md" })
        {
            Assert.Contains(version, File.ReadAllText(Path.Combine(Repository.Root, file)), StringComparison.Ordinal);
        }
    }
}
