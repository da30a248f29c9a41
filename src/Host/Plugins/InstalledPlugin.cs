namespace Plumbline.Host.Plugins;

/// <summary>A plugin in the folder, known by its metadata; no code of it is loaded.</summary>
/// <param name="Name">Its folder's or file's name.</param>
/// <param name="Folder">Where its files are.</param>
internal sealed record InstalledPlugin(string Name, string Folder)
{
    /// <summary>What its assembly's metadata tells; null where there is none to read.</summary>
    public AssemblyHeader? Header { get; init; }

    /// <summary>Whether it is a single file in the plugins folder rather than a folder of its own.</summary>
    public bool IsFile { get; init; }

    /// <summary>Why it can't be used and what to do; null where nothing speaks against it.</summary>
    public string? Broken { get; set; }

    /// <summary>Whether it came with the host rather than from the plugins folder.</summary>
    public bool BuiltIn { get; init; }

    /// <summary>Whether it is one of the plugins that came with an installed host.</summary>
    public bool Shipped { get; init; }

    /// <summary>The assembly's version.</summary>
    public string Version => Header?.Name.Version?.ToString(3) ?? "?";

    /// <summary>The parts it brings; none where it can't be read.</summary>
    public IReadOnlyList<PartHeader> Parts => Header?.Parts ?? [];
}
