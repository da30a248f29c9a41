#if !MCMASTER_LOADER
using System.Reflection;
using System.Runtime.Loader;

namespace Plumbline.Host.Plugins;

/// <summary>The load context of one plugin: contracts are the host's, everything else is the plugin's own.</summary>
internal sealed class PluginLoadContext(string name, string assemblyPath) : AssemblyLoadContext(name)
{
    private readonly AssemblyDependencyResolver _resolver = new(assemblyPath);

    /// <summary>The plugin's own assembly.</summary>
    internal Assembly LoadPlugin() => LoadFromAssemblyPath(assemblyPath);

    /// <inheritdoc/>
    protected override Assembly? Load(AssemblyName assemblyName)
    {
        if (SharedAssemblies.Contains(assemblyName.Name!))
        {
            return SharedAssemblies.Load(assemblyName.Name!);
        }

        var path = _resolver.ResolveAssemblyToPath(assemblyName) ?? Path.Combine(Path.GetDirectoryName(assemblyPath)!, assemblyName.Name + ".dll");
        if (File.Exists(path))
        {
            return LoadFromAssemblyPath(path);
        }

        // What is neither shared nor the plugin's must be the runtime's; the host's private libraries are not for plugins.
        return SharedAssemblies.IsFramework(assemblyName.Name!) ? null : throw PluginAssemblies.Missing(assemblyName, assemblyPath);
    }

    /// <inheritdoc/>
    protected override IntPtr LoadUnmanagedDll(string unmanagedDllName)
    {
        var path = _resolver.ResolveUnmanagedDllToPath(unmanagedDllName);
        foreach (var candidate in new[] { unmanagedDllName, unmanagedDllName + ".so", $"lib{unmanagedDllName}.so" })
        {
            path ??= Path.Combine(Path.GetDirectoryName(assemblyPath)!, candidate) is var beside && File.Exists(beside) ? beside : null;
        }

        return path is null ? IntPtr.Zero : LoadUnmanagedDllFromPath(path);
    }
}
#endif
