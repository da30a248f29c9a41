namespace Plumbline.Host.Plugins;

/// <summary>Puts plugins into a folder and takes them out: whole or not at all.</summary>
/// <remarks>A plugin is unpacked beside the others under a name that a scan passes over, looked at there, and only then renamed. Where the folder is locked the lock is kept true.</remarks>
internal sealed class PluginStore(PluginPlace place)
{
    private const string Staging = ".staging-";
    private const string Before = "before";
    private static readonly TimeSpan Stale = TimeSpan.FromHours(1);
    private readonly string _folder = place.Folder;

    /// <summary>Installs from a package, a folder or an assembly.</summary>
    /// <param name="source">Where it is.</param>
    /// <param name="replace">Take the place of an installed one of the same name.</param>
    /// <param name="name">Its name; null: the package's or the folder's own.</param>
    /// <returns>What is installed now.</returns>
    /// <exception cref="PlumblineException">It can't be used, or would break another; the folder is as it was.</exception>
    internal InstalledPlugin Add(string source, bool replace = false, string? name = null)
    {
        Directory.CreateDirectory(_folder);
        Tidy();
        var staged = Path.Combine(_folder, Staging + Guid.NewGuid().ToString("N"));
        var inner = Directory.CreateDirectory(Path.Combine(staged, "new")).FullName;
        try
        {
            var own = PluginPackage.Unpack(source, inner);
            name ??= own;
            if (name.Length == 0 || name.StartsWith('.') || name.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0)
            {
                throw new PlumblineException($"'{name}' is no name for a plugin: not empty, no slash, no dot at the beginning; give another with --name");
            }

            var target = Path.Combine(_folder, name);
            var there = Directory.Exists(target) || File.Exists(target + ".dll");
            if (!replace && (there || place.Scan().Any(other => other.Name == name)))
            {
                throw new PlumblineException($"a plugin '{name}' is installed already{(there ? $" in {_folder}" : ", with the host")}; give --replace to put this one in its place");
            }

            // Under its own name, so that what is said of it is said as it will be.
            var named = Path.Combine(staged, name);
            Directory.Move(inner, named);
            var plugin = PluginFolder.Read(named);
            Check(source, plugin, name);
            Swap(named, target, there, staged);
            KeepLock();
            return PluginFolder.Read(target);
        }
        finally
        {
            Delete(staged);
        }
    }

    /// <summary>Takes a plugin out.</summary>
    /// <exception cref="PlumblineException">There is none of that name.</exception>
    internal void Remove(string name)
    {
        var installed = place.Scan();
        var plugin = installed.FirstOrDefault(plugin => plugin.Name == name)
            ?? throw new PlumblineException($"no plugin '{name}' is installed in {_folder}{(Plumbline.Options.Naming.Nearest(name, installed.Select(plugin => plugin.Name)) is { } near ? $"; did you mean '{near}'?" : string.Empty)}");
        if (plugin.Shipped)
        {
            throw new PlumblineException($"plugin '{name}' came with the host, and goes with it; to use another version, add that one with --replace");
        }

        var gone = Directory.CreateDirectory(Path.Combine(_folder, Staging + Guid.NewGuid().ToString("N"))).FullName;
        try
        {
            if (plugin.IsFile)
            {
                foreach (var path in Directory.EnumerateFiles(_folder, name + ".*").Where(path => Path.GetFileName(path)[name.Length..] is ".dll" or ".xml" or ".pdb" or ".deps.json"))
                {
                    File.Move(path, Path.Combine(gone, Path.GetFileName(path)));
                }
            }
            else
            {
                Directory.Move(plugin.Folder, Path.Combine(gone, name));
            }

            KeepLock();
        }
        finally
        {
            Delete(gone);
        }
    }

    /// <summary>Nothing that can't be used comes in, and nothing that makes another unusable.</summary>
    private void Check(string source, InstalledPlugin plugin, string name)
    {
        if (plugin.Broken is { } reason)
        {
            throw new PlumblineException($"{source} was not installed: {reason}");
        }

        if (plugin.Parts.Count == 0)
        {
            throw new PlumblineException($"{source} was not installed: its assembly declares no part; mark a public class with an attribute such as [Reward(\"my-reward\")]");
        }

        var others = PluginFolder.BuiltIn().Concat(place.Scan()).Where(other => other.Name != name && other.Broken is null).ToList();
        foreach (var part in plugin.Parts)
        {
            if (others.Find(other => other.Parts.Any(theirs => (theirs.Kind, theirs.Id) == (part.Kind, part.Id))) is { } other)
            {
                throw new PlumblineException($"{source} was not installed: its {part.Kind} '{part.Id}' is also in plugin '{other.Name}'; remove that one first (plumb plugins remove {other.Name}), or keep it");
            }
        }
    }

    private static void Swap(string named, string target, bool there, string staged)
    {
        if (!there)
        {
            Directory.Move(named, target);
            return;
        }

        var before = Path.Combine(staged, Before);
        if (Directory.Exists(target))
        {
            Directory.Move(target, before);
        }
        else
        {
            File.Move(target + ".dll", before);
        }

        try
        {
            Directory.Move(named, target);
        }
        catch
        {
            PutBack(before, target);
            throw;
        }
    }

    /// <summary>What was moved aside, a folder or a single file, is where it was.</summary>
    private static void PutBack(string before, string target)
    {
        if (Directory.Exists(before))
        {
            Directory.Move(before, target);
        }
        else
        {
            File.Move(before, target + ".dll");
        }
    }

    /// <summary>Clears away what a command left that was killed; a plugin that it had moved aside and not yet replaced is put back.</summary>
    private void Tidy()
    {
        foreach (var left in new DirectoryInfo(_folder).EnumerateDirectories(Staging + "*").Where(left => DateTime.UtcNow - left.LastWriteTimeUtc > Stale).ToList())
        {
            var before = Path.Combine(left.FullName, Before);
            if (Path.Exists(before) && left.EnumerateDirectories().FirstOrDefault(inner => inner.Name != Before) is { } named
                && Path.Combine(_folder, named.Name) is var target && !Directory.Exists(target) && !File.Exists(target + ".dll"))
            {
                PutBack(before, target);
            }

            Delete(left.FullName);
        }
    }

    private void KeepLock()
    {
        if (PluginLock.Exists(_folder))
        {
            PluginLock.Of(place.Scan()).Write(_folder);
        }
    }

    private static void Delete(string staged)
    {
        if (Directory.Exists(staged))
        {
            Directory.Delete(staged, recursive: true);
        }
    }
}
