using System.IO.Compression;
using System.Xml.Linq;
using NuGet.Versioning;

namespace Plumbline.Host.Plugins;

/// <summary>What can be installed: a package (.nupkg, .zip), a plugin's folder, or a single assembly.</summary>
/// <remarks>
/// In a package the plugin's files are under <c>plugin/</c>, or else in the <c>lib/</c> folder of the newest framework that this host runs;
/// <c>runtimes/</c> goes along. Nothing outside the folder given is ever written.
/// </remarks>
internal static class PluginPackage
{
    private const int MostFiles = 10_000;
    private const long MostBytes = 4L << 30;
    private const int UnixFileType = 0xF000;
    private const int UnixLink = 0xA000;

    /// <summary>Copies the plugin's files into an empty folder.</summary>
    /// <returns>The plugin's name.</returns>
    /// <exception cref="PlumblineException">There is nothing to install, or it is unsafe; the message names the entry.</exception>
    internal static string Unpack(string source, string folder)
    {
        if (Directory.Exists(source))
        {
            Copy(source, folder);
            return Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(source)));
        }

        if (!File.Exists(source))
        {
            throw new PlumblineException($"there is no file or folder {Path.GetFullPath(source)}");
        }

        switch (Path.GetExtension(source).ToLowerInvariant())
        {
            case ".dll":
                foreach (var beside in new[] { source, Path.ChangeExtension(source, ".deps.json"), Path.ChangeExtension(source, ".xml"), Path.ChangeExtension(source, ".pdb") }.Where(File.Exists))
                {
                    File.Copy(beside, Path.Combine(folder, Path.GetFileName(beside)));
                }

                return Path.GetFileNameWithoutExtension(source);
            case ".nupkg" or ".zip":
                return UnpackArchive(source, folder);
            default:
                throw new PlumblineException($"{source} is no plugin: a package ends in .nupkg or .zip, an assembly in .dll; or name a folder");
        }
    }

    /// <summary>Version and description that a package states.</summary>
    /// <exception cref="PlumblineException">It states no version.</exception>
    internal static (NuGetVersion Version, string Description) Stated(string source)
    {
        using var archive = ZipFile.OpenRead(source);
        var specification = Specification(archive);
        return NuGetVersion.TryParse(specification?.Invoke("version"), out var version) ? (version, specification!("description") ?? string.Empty)
            : throw new PlumblineException($"{source} states no version; make the package by dotnet pack");
    }

    private static string UnpackArchive(string source, string folder)
    {
        try
        {
            using var archive = ZipFile.OpenRead(source);
            Refuse(source, archive);
            var name = NameOf(source, archive);
            var roots = archive.Entries.Select(entry => entry.FullName).ToArray();
            var chosen = Root(roots) ?? throw new PlumblineException($"{source} holds no plugin: it has neither a folder plugin/ nor an assembly under lib/ for a framework of this host (net{Environment.Version.Major}.0 or before)");
            foreach (var entry in archive.Entries.Where(entry => !entry.FullName.EndsWith('/')))
            {
                var within = entry.FullName.StartsWith(chosen, StringComparison.Ordinal) ? entry.FullName[chosen.Length..]
                    : entry.FullName.StartsWith("runtimes/", StringComparison.Ordinal) || entry.FullName.StartsWith("vectors/", StringComparison.Ordinal) ? entry.FullName : null;
                if (within is { Length: > 0 } && !(chosen.Length == 0 && within is "[Content_Types].xml"))
                {
                    var path = Path.Combine(folder, within);
                    Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                    entry.ExtractToFile(path);
                }
            }

            return name;
        }
        catch (Exception broken) when (broken is InvalidDataException or System.Xml.XmlException)
        {
            throw new PlumblineException($"{source} is no package, or is cut short ({broken.Message.TrimEnd('.')}); fetch it again", broken);
        }
    }

    /// <summary>Refuses a package whose entries would land outside the folder, are links, or are too much.</summary>
    private static void Refuse(string source, ZipArchive archive)
    {
        if (archive.Entries.Count > MostFiles || archive.Entries.Sum(entry => entry.Length) > MostBytes)
        {
            throw new PlumblineException($"{source} would unpack to more than {MostFiles} files or {MostBytes >> 30} GiB; that is no plugin");
        }

        foreach (var entry in archive.Entries)
        {
            var name = entry.FullName;
            if (name.Contains('\\', StringComparison.Ordinal) || name.Contains(':', StringComparison.Ordinal) || Path.IsPathRooted(name) || name.Split('/').Any(part => part is ".." or "."))
            {
                throw new PlumblineException($"{source} is refused: its entry '{name}' would leave the plugin's folder. Nothing was installed; ask its author for a sound package");
            }

            if (((entry.ExternalAttributes >> 16) & UnixFileType) == UnixLink)
            {
                throw new PlumblineException($"{source} is refused: its entry '{name}' is a link. Nothing was installed; ask its author for a sound package");
            }
        }
    }

    /// <summary>The folder within the package that is the plugin; null where there is none.</summary>
    private static string? Root(string[] entries)
    {
        if (entries.Any(entry => entry.StartsWith("plugin/", StringComparison.Ordinal)))
        {
            return "plugin/";
        }

        var frameworks = entries.Where(entry => entry.StartsWith("lib/net", StringComparison.Ordinal) && entry.EndsWith(".dll", StringComparison.OrdinalIgnoreCase))
            .Select(entry => entry.Split('/')[1]).Distinct()
            .Select(framework => (Framework: framework, Version: Version.TryParse(framework.Split('-')[0]["net".Length..], out var version) ? version : null))
            .Where(pair => pair.Version is { Major: >= 5 } version && version.Major <= Environment.Version.Major).ToArray();
        return frameworks.Length > 0 ? $"lib/{frameworks.MaxBy(pair => pair.Version).Framework}/"
            : entries.Any(entry => !entry.Contains('/', StringComparison.Ordinal) && entry.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)) ? string.Empty : null;
    }

    private static string NameOf(string source, ZipArchive archive) => Specification(archive) is not { } specification ? Path.GetFileNameWithoutExtension(source)
        : specification("id") is { Length: > 0 } id && id.IndexOfAny(Path.GetInvalidFileNameChars()) < 0 && !id.StartsWith('.') ? id
        : throw new PlumblineException($"{source}: the id '{specification("id")}' of its specification is no name for a folder");

    /// <summary>What a package says of itself: the text of an element, null where it has none; null where it has no specification.</summary>
    private static Func<string, string?>? Specification(ZipArchive archive)
    {
        if (archive.Entries.FirstOrDefault(entry => entry.FullName.EndsWith(".nuspec", StringComparison.Ordinal) && !entry.FullName.Contains('/', StringComparison.Ordinal)) is not { } entry)
        {
            return null;
        }

        using var stream = entry.Open();
        var document = XDocument.Load(stream);
        return name => document.Descendants().FirstOrDefault(element => element.Name.LocalName == name)?.Value;
    }

    private static void Copy(string source, string folder)
    {
        foreach (var path in Directory.EnumerateFiles(source, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
        {
            if (new FileInfo(path).LinkTarget is not null)
            {
                throw new PlumblineException($"{path} is a link; copy the file itself into the plugin's folder");
            }

            var target = Path.Combine(folder, Path.GetRelativePath(source, path));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(path, target);
        }
    }
}
