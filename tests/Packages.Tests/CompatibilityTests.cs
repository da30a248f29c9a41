using System.IO.Compression;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Plumbline.Tests.Packages;

/// <summary>Plugins that were built once and are not built again: tests/Packages.Tests/Released holds the sample vendor's packages of each contract version.</summary>
public sealed class CompatibilityTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>The contract versions of which there are packages.</summary>
    public static TheoryData<string> Released => [.. Directory.EnumerateDirectories(Path.Combine(Repository.Root, "tests", "Packages.Tests", "Released")).Select(folder => Path.GetFileName(folder)!)];

    [Theory]
    [MemberData(nameof(Released))]
    public void What_was_built_for_an_earlier_contract_loads_and_runs_unrebuilt(string version)
    {
        var released = Path.Combine(Repository.Root, "tests", "Packages.Tests", "Released", version);
        var plugins = _folder.Plugins();
        var packages = Directory.GetFiles(released, "*.nupkg");
        Assert.Equal(2, packages.Length);
        foreach (var package in packages)
        {
            Assert.Contains($"built for contract {version}", Plumb.Run("plugins", "check", package).With(0).Output, StringComparison.Ordinal);
            Plumb.Run("plugins", "add", package, "--plugins", plugins).With(0);
        }

        var runs = new AcmeRuns(_folder, plugins, released);
        runs.LearnPairs();
        runs.LearnTheBestOfWhatWasSampled();
        runs.LearnToDriveALift();
    }

    [Fact]
    public void What_was_built_for_a_newer_contract_is_refused_by_name_whatever_it_carries()
    {
        var plugins = _folder.Plugins();
        var games = Directory.CreateDirectory(Path.Combine(plugins, "acme-games")).FullName;
        var package = Directory.EnumerateFiles(Path.Combine(Repository.Root, "tests", "Packages.Tests", "Released"), "acme-games.*.nupkg", SearchOption.AllDirectories).First();
        using (var archive = ZipFile.OpenRead(package))
        {
            foreach (var entry in archive.Entries.Where(entry => entry.FullName.StartsWith("plugin/", StringComparison.Ordinal)))
            {
                entry.ExtractToFile(Path.Combine(games, entry.Name));
            }
        }

        var assembly = Path.Combine(games, "Acme.Games.dll");
        File.WriteAllBytes(assembly, ForContract(File.ReadAllBytes(assembly), minor: 9));
        // A copy of the contract of its own would make two of each type, were it ever loaded.
        File.Copy(typeof(PartAttribute).Assembly.Location, Path.Combine(games, "Plumbline.Abstractions.dll"));

        const string reason = "it needs contract 0.9.0.0 or later, and this host has 0.1.0; update the host, or take an older version of the plugin";
        Assert.Contains(reason, (string)Plumb.Run("plugins", "list", "--json", "--plugins", plugins).With(0).Json()["plugins"]!.AsArray().Single(plugin => (string)plugin!["name"]! == "acme-games")!["broken"]!, StringComparison.Ordinal);
        var manifest = _folder.Write("lift.jsonc", """{ "name": "lift", "model": "choice-table", "stages": [ { "use": "gigpo", "environment": "acme-lift", "steps": 1 } ] }""");
        var refused = Plumb.Run("run", manifest, "--plugins", plugins, "--out", _folder.At("lift")).With(2);
        Assert.Contains("'acme-lift' is in plugin 'acme-games', which can't be used: " + reason, refused.Output, StringComparison.Ordinal);
        Assert.Contains(reason, Plumb.Run("plugins", "add", games, "--name", "again", "--plugins", plugins).With(1).Error, StringComparison.Ordinal);
        // Every other plugin goes on working.
        Plumb.Run("run", _folder.Write("sft.jsonc", Tiny.Manifest(Tiny.Sft())), "--plugins", plugins, "--out", _folder.At("sft")).With(0);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The assembly as it would be had it been built against another contract: the version of its references changed.</summary>
    private static byte[] ForContract(byte[] image, ushort minor)
    {
        using var reader = new PEReader(new MemoryStream(image));
        var metadata = reader.GetMetadataReader();
        var table = reader.PEHeaders.MetadataStartOffset + metadata.GetTableMetadataOffset(TableIndex.AssemblyRef);
        byte[] changed = [.. image];
        var row = 0;
        foreach (var handle in metadata.AssemblyReferences)
        {
            if (metadata.GetString(metadata.GetAssemblyReference(handle).Name).StartsWith("Plumbline.", StringComparison.Ordinal))
            {
                // A row begins with major and minor version, two bytes each.
                BitConverter.TryWriteBytes(changed.AsSpan(table + (row * metadata.GetTableRowSize(TableIndex.AssemblyRef)) + 2), minor);
            }

            row++;
        }

        return changed;
    }
}
