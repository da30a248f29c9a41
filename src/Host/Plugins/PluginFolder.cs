using System.Runtime.InteropServices;

namespace Plumbline.Host.Plugins;

/// <summary>Looks at a folder of plugins and reads each plugin's metadata. What can't be read is listed with the reason; nothing is loaded.</summary>
internal static class PluginFolder
{
    /// <summary>The plugins of a folder, in order of their names: a folder each, or a single file.</summary>
    internal static IReadOnlyList<InstalledPlugin> Scan(string folder)
    {
        if (!Directory.Exists(folder))
        {
            return [];
        }

        // Names that begin with a dot are the installer's or the user's own.
        var folders = Directory.EnumerateDirectories(folder).Where(path => !Path.GetFileName(path).StartsWith('.')).Select(ReadFolder);
        var files = Directory.EnumerateFiles(folder, "*.dll").Select(path => ReadAssembly(Path.GetFileNameWithoutExtension(path), folder, path) with { IsFile = true });
        return [.. folders.Concat(files).OrderBy(plugin => plugin.Name, StringComparer.Ordinal)];
    }

    /// <summary>The parts that come with the host's own assemblies.</summary>
    internal static IReadOnlyList<InstalledPlugin> BuiltIn() =>
    [
        .. SharedAssemblies.WithParts.Select(name => new InstalledPlugin(name, AppContext.BaseDirectory)
        {
            Header = AssemblyHeader.Read(Path.Combine(AppContext.BaseDirectory, name + ".dll")),
            BuiltIn = true,
        }),
    ];

    private static InstalledPlugin ReadFolder(string folder)
    {
        var name = Path.GetFileName(folder);
        string[] assemblies;
        try
        {
            assemblies = Directory.GetFiles(folder, "*.dll");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return new InstalledPlugin(name, folder) { Broken = $"its folder can't be read ({error.Message.TrimEnd('.')}); give this user the right to read it, or remove it" };
        }

        // The build leaves a .deps.json beside a plugin's own assembly and beside no other.
        var own = assemblies.Where(path => File.Exists(Path.ChangeExtension(path, ".deps.json"))).ToArray();
        if (own.Length != 1)
        {
            own = [.. assemblies.Where(ReferencesContract)];
        }

        return own.Length switch
        {
            1 => ReadAssembly(name, folder, own[0]),
            0 => new InstalledPlugin(name, folder)
            {
                Broken = assemblies.Length == 0 ? "there is no .dll in the folder; put the plugin's assembly there, or remove the folder"
                    : $"none of its assemblies ({string.Join(", ", assemblies.Select(Path.GetFileName).Order(StringComparer.Ordinal).Take(4))}) references {SharedAssemblies.Contract}; it is no plugin, or it is cut short: copy it again",
            },
            _ => new InstalledPlugin(name, folder)
            {
                Broken = $"several of its assemblies reference {SharedAssemblies.Contract}: {string.Join(", ", own.Select(Path.GetFileName).Order(StringComparer.Ordinal))}; give each plugin a folder of its own",
            },
        };
    }

    private static bool ReferencesContract(string path)
    {
        try
        {
            return AssemblyHeader.Read(path).References.Any(reference => reference.Name == SharedAssemblies.Contract);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return false;
        }
    }

    private static InstalledPlugin ReadAssembly(string name, string folder, string path)
    {
        try
        {
            var header = AssemblyHeader.Read(path);
            return new InstalledPlugin(name, folder) { Header = header, Broken = OfAnotherSort(header) ?? Incompatible(header) ?? MissingDependency(header, folder) ?? Twice(header) };
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            // Whatever is wrong with a file, it is its plugin's trouble alone.
            return new InstalledPlugin(name, folder)
            {
                Broken = $"{Path.GetFileName(path)} can't be read ({error.Message.TrimEnd('.')}); it is no .NET assembly or is cut short: copy it again",
            };
        }
    }

    private static string? OfAnotherSort(AssemblyHeader header) =>
        header.IsProgram ? $"{Path.GetFileName(header.Path)} is a program, and a plugin is a library; build it with OutputType Library, or remove it"
        : header.Architecture is { } other && other != RuntimeInformation.ProcessArchitecture
            ? $"it was built for {other}, and this host runs on {RuntimeInformation.ProcessArchitecture}; take a build for {RuntimeInformation.ProcessArchitecture}, or one for any processor"
        : null;

    /// <summary>Reads one plugin's folder, as the scan of a whole plugins folder does.</summary>
    internal static InstalledPlugin Read(string folder) => ReadFolder(folder);

    /// <summary>The contracts that a plugin works with, from the first to below the second; null where it knows none. Absent a stated range: from the one it was built against to the next major version.</summary>
    internal static (Version From, Version Below)? Contracts(AssemblyHeader header) =>
        header.References.FirstOrDefault(reference => reference.Name == SharedAssemblies.Contract)?.Version is { } built ? header.ContractRange ?? (built, new Version(built.Major + 1, 0)) : null;

    private static string? Incompatible(AssemblyHeader header)
    {
        if (Contracts(header) is not var (from, below))
        {
            return $"it does not reference {SharedAssemblies.Contract}, so it is no plugin; remove it, or move it into the folder of the plugin that needs it";
        }

        var here = SharedAssemblies.ContractVersion;
        return here < from ? $"it needs contract {from} or later, and this host has {here.ToString(3)}; update the host, or take an older version of the plugin"
            : here >= below ? $"it was built for contracts below {below}, and this host has {here.ToString(3)}; take a newer version of the plugin"
            : null;
    }

    private static string? Twice(AssemblyHeader header) =>
        header.Parts.GroupBy(part => (part.Kind, part.Id)).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? $"it declares {twice.Key.Kind} '{twice.Key.Id}' twice, in {string.Join(" and ", twice.Select(part => part.TypeName))}; its author must rename one" : null;

    private static string? MissingDependency(AssemblyHeader header, string folder)
    {
        var missing = header.References.Select(reference => reference.Name!)
            .Where(name => !SharedAssemblies.Contains(name) && !SharedAssemblies.IsFramework(name) && !File.Exists(Path.Combine(folder, name + ".dll")))
            .ToArray();
        return missing.Length == 0 ? null
            : $"it needs {string.Join(", ", missing.Select(name => name + ".dll"))}, which {(missing.Length == 1 ? "is" : "are")} not in its folder; publish the plugin with its dependencies and copy all the files";
    }
}
