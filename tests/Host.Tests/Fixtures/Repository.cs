namespace Plumbline.Tests.Host.Fixtures;

/// <summary>Where the things under test are.</summary>
internal static class Repository
{
    /// <summary>The folder above this program that holds the whole tree.</summary>
    internal static string Root { get; } = FindRoot();

    /// <summary>The program.</summary>
    internal static string Program { get; } = Path.Combine(Root, "artifacts", "bin", "Plumbline.Host", "release", "plumb.dll");

    /// <summary>The plugins that a host finds by itself.</summary>
    internal static string Plugins { get; } = Path.Combine(Root, "artifacts", "plugins");

    /// <summary>The plugins made for tests.</summary>
    internal static string TestPlugins { get; } = Path.Combine(Root, "artifacts", "test-plugins");

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Directory.Packages.props")))
            {
                return folder.FullName;
            }
        }

        throw new DirectoryNotFoundException("the tests are not inside the repository's artifacts");
    }
}
