namespace Plumbline.Tests.Host.Fixtures;

/// <summary>A folder of one test, gone after it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    /// <summary>The folder.</summary>
    internal string Path { get; } = Directory.CreateTempSubdirectory("plumb-test-").FullName;

    /// <summary>A path within it.</summary>
    internal string At(params string[] names) => System.IO.Path.Combine([Path, .. names]);

    /// <summary>Writes a file, with the folders it needs.</summary>
    internal string Write(string name, string text)
    {
        var path = At(name);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    /// <summary>Makes a plugins folder in it: links to the installed plugins, and to plugins made for tests.</summary>
    internal string Plugins(params string[] forTests)
    {
        var folder = Directory.CreateDirectory(At("plugins")).FullName;
        foreach (var plugin in Directory.EnumerateDirectories(Repository.Plugins).Concat(forTests.Select(name => System.IO.Path.Combine(Repository.TestPlugins, name))))
        {
            Directory.CreateSymbolicLink(System.IO.Path.Combine(folder, System.IO.Path.GetFileName(plugin)), plugin);
        }

        return folder;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
