namespace Plumbline.Host.Plugins;

/// <summary>Where plugins are: a folder that users change, with its lock and its state, and beside an installed host the plugins that came with it.</summary>
/// <remarks>Those that came with the host are replaced when the host is updated, so nothing else is ever put among them.</remarks>
/// <param name="Folder">The folder that users change; it need not exist.</param>
/// <param name="Shipped">The folder that came with the host; null where there is none.</param>
internal sealed record PluginPlace(string Folder, string? Shipped)
{
    /// <summary>A file that marks a folder as one that came with the host.</summary>
    internal const string Marker = "shipped.txt";

    private const string Variable = "PLUMB_PLUGINS";

    /// <summary>
    /// The folder named, <c>$PLUMB_PLUGINS</c>, or the <c>plugins</c> beside the program or in a folder above it. Where that one came with the host, users' plugins
    /// are in a folder of the user's own instead, and those that came with the host are there too, whatever is named.
    /// </summary>
    /// <exception cref="PlumblineException">The named folder does not exist.</exception>
    internal static PluginPlace Locate(string? named) => Locate(named, AppContext.BaseDirectory);

    /// <summary>The same for a command that puts plugins there: the folder named need not exist yet.</summary>
    internal static PluginPlace ToChange(string? named)
    {
        var found = Beside(AppContext.BaseDirectory);
        return named is null ? Locate(null) : new PluginPlace(Path.GetFullPath(named), IsShipped(found) ? found : null);
    }

    /// <summary>The same for a program in some folder.</summary>
    internal static PluginPlace Locate(string? named, string program)
    {
        var found = Beside(program);
        var shipped = IsShipped(found) ? found : null;
        if ((named ?? Environment.GetEnvironmentVariable(Variable)) is { Length: > 0 } folder)
        {
            return Directory.Exists(folder) ? new PluginPlace(Path.GetFullPath(folder), shipped)
                : throw new PlumblineException($"there is no plugins folder {Path.GetFullPath(folder)}; {(named is null ? $"it is named by ${Variable}" : "it is named by --plugins")}");
        }

        return new PluginPlace(shipped is null ? found ?? Path.Combine(program, "plugins") : Own(), shipped);
    }

    /// <summary>All of them, in order of their names; none is loaded. A plugin of the user's takes the place of one of the same name that came with the host.</summary>
    internal IReadOnlyList<InstalledPlugin> Scan()
    {
        var own = PluginFolder.Scan(Folder);
        var shipped = Shipped is null ? [] : PluginFolder.Scan(Shipped).Where(plugin => own.All(other => other.Name != plugin.Name)).Select(plugin => plugin with { Shipped = true });
        return [.. own.Concat(shipped).OrderBy(plugin => plugin.Name, StringComparer.Ordinal)];
    }

    /// <summary>Where they are, in words.</summary>
    public override string ToString() => Shipped is null ? Folder : $"{Folder} and with the host";

    private static bool IsShipped(string? folder) => folder is not null && File.Exists(Path.Combine(folder, Marker));

    private static string? Beside(string program)
    {
        for (var above = new DirectoryInfo(program); above is not null; above = above.Parent)
        {
            var candidate = Path.Combine(above.FullName, "plugins");
            if (Directory.Exists(candidate))
            {
                return candidate;
            }
        }

        return null;
    }

    private static string Own() => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify), "plumbline", "plugins");
}
