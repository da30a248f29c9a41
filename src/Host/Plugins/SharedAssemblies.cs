using System.Reflection;
using System.Runtime.Loader;

namespace Plumbline.Host.Plugins;

/// <summary>The assemblies of which a process has one copy, the host's, whatever a plugin carries.</summary>
internal static class SharedAssemblies
{
    /// <summary>What plugins compile against; its version is the contract's.</summary>
    internal const string Contract = "Plumbline.Abstractions";

    /// <summary>Those that bring parts of their own.</summary>
    internal static readonly string[] WithParts = ["Plumbline.Training"];

    private static readonly ILookup<bool, string> Platform = (AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") as string ?? string.Empty)
        .Split(Path.PathSeparator)
        .ToLookup(path => Path.GetDirectoryName(path) == Path.GetDirectoryName(typeof(object).Assembly.Location), path => Path.GetFileNameWithoutExtension(path));

    private static readonly HashSet<string> Framework = [.. Platform[true]];
    private static readonly HashSet<string> HostsOwn = [.. Platform[false]];

    /// <summary>The version of the contract that this host has.</summary>
    internal static Version ContractVersion { get; } = typeof(PartAttribute).Assembly.GetName().Version!;

    /// <summary>Whether a plugin gets the host's copy of an assembly.</summary>
    internal static bool Contains(string name) =>
        name is Contract or "Plumbline.Training" or "Plumbline.Torch" or "TorchSharp"
        || (name.StartsWith("Microsoft.Extensions.", StringComparison.Ordinal) && name.EndsWith(".Abstractions", StringComparison.Ordinal) && HostsOwn.Contains(name));

#if MCMASTER_LOADER
    /// <summary>All of them that this host has.</summary>
    internal static IEnumerable<string> Names => HostsOwn.Where(Contains);

    /// <summary>All else that this process could load: of these a plugin's own copy goes first.</summary>
    internal static IEnumerable<string> Others => Framework.Concat(HostsOwn).Where(name => !Contains(name));
#endif

    /// <summary>Whether an assembly comes with the runtime.</summary>
    internal static bool IsFramework(string name) => Framework.Contains(name);

    /// <summary>The host's copy, by simple name: the version a plugin was built against was checked before.</summary>
    internal static Assembly Load(string name) => AssemblyLoadContext.Default.LoadFromAssemblyName(new AssemblyName(name));
}
