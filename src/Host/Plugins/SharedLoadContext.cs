#if MCMASTER_LOADER
using System.Reflection;
using System.Runtime.Loader;

namespace Plumbline.Host.Plugins;

/// <summary>Where the package's loader asks for what plugins share: the host's copy by simple name. The default context refuses a plugin that was built against a later one.</summary>
internal sealed class SharedLoadContext() : AssemblyLoadContext("shared")
{
    /// <summary>The one that all plugins ask.</summary>
    internal static SharedLoadContext Instance { get; } = new();

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName) => SharedAssemblies.Contains(assemblyName.Name!) ? SharedAssemblies.Load(assemblyName.Name!) : null;
}
#endif
