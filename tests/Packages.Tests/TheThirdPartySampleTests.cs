namespace Plumbline.Tests.Packages;

/// <summary>samples/ThirdParty, away from this tree and with nothing but packages: it builds, passes its tests, packs, installs and runs.</summary>
public sealed class TheThirdPartySampleTests
{
    [Fact]
    public void A_vendors_solution_is_built_packed_installed_and_run()
    {
        using var folder = new TemporaryFolder();
        var sample = folder.At("sample");
        Copy(Path.Combine(Repository.Root, "samples", "ThirdParty"), sample);
        Directory.CreateSymbolicLink(Path.Combine(sample, "feed"), Feed.Folder);
        var output = Feed.Author(folder, """
            dotnet build ThirdParty.slnx -c Release
            dotnet test --solution ThirdParty.slnx -c Release --no-build
            dotnet pack ThirdParty.slnx -c Release --no-build -o packages
            """, sample);
        Assert.Contains("0 Warning(s)", output, StringComparison.Ordinal);
        Assert.Contains("total: 3", output, StringComparison.Ordinal);
        Assert.Contains("failed: 0", output, StringComparison.Ordinal);
        var plugins = folder.Plugins();
        foreach (var package in Directory.EnumerateFiles(Path.Combine(sample, "packages"), "*.nupkg"))
        {
            Plumb.Run("plugins", "check", package).With(0);
            Plumb.Run("plugins", "add", package, "--plugins", plugins).With(0);
        }

        // Nothing of the host's goes along.
        Assert.Equal(["Acme.Games.dll"], Directory.EnumerateFiles(Path.Combine(plugins, "acme-games"), "*.dll").Select(Path.GetFileName));
        var runs = new AcmeRuns(folder, plugins, Path.Combine(sample, "manifests"));
        runs.LearnPairs();
        runs.LearnTheBestOfWhatWasSampled();
        runs.LearnToDriveALift();
    }

    private static void Copy(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var within = Path.GetRelativePath(from, file);
            if (!within.Split('/').Any(part => part is "bin" or "obj" or "feed" or "packages" or ".packages"))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, within))!);
                File.Copy(file, Path.Combine(to, within));
            }
        }
    }
}
