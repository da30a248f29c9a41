using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.Loader;
#if MCMASTER_LOADER
using McMaster.NETCore.Plugins;
#endif

namespace Plumbline.Host.Plugins;

/// <summary>Loads the assemblies of plugins, each into a context of its own, by the loader that the host was built with.</summary>
internal static class PluginAssemblies
{
    private static readonly ConditionalWeakTable<AssemblyLoadContext, string> Names = [];

    /// <summary>The loader in use, in words.</summary>
#if MCMASTER_LOADER
    internal static string Loader { get; } = $"McMaster.NETCore.Plugins {typeof(PluginLoader).Assembly.GetName().Version?.ToString(3)}";
#else
    internal static string Loader => "native: a load context a plugin";
#endif

    /// <summary>Loads a plugin's own assembly.</summary>
    /// <param name="plugin">The plugin's name.</param>
    /// <param name="path">Its assembly.</param>
    internal static Assembly Load(string plugin, string path)
    {
#if MCMASTER_LOADER
        var loader = PluginLoader.CreateFromAssemblyFile(path, configure =>
        {
            configure.DefaultContext = SharedLoadContext.Instance;
            foreach (var shared in SharedAssemblies.Names)
            {
                configure.SharedAssemblies.Add(new AssemblyName(shared));
            }

            // Else it also shares whatever a shared assembly references.
            foreach (var other in SharedAssemblies.Others)
            {
                configure.PrivateAssemblies.Add(new AssemblyName(other));
            }
        });
        // Asked last, after the plugin's folder and the default context.
        loader.LoadContext.Resolving += (_, missing) => throw Missing(missing, path);
        Names.AddOrUpdate(loader.LoadContext, plugin);
        return loader.LoadDefaultAssembly();
#else
        var context = new PluginLoadContext(plugin, path);
        Names.AddOrUpdate(context, plugin);
        return context.LoadPlugin();
#endif
    }

    /// <summary>What to say of an assembly that is neither shared nor the runtime's nor the plugin's own.</summary>
    /// <param name="assembly">The one that is missing.</param>
    /// <param name="path">The plugin's own assembly.</param>
    internal static FileNotFoundException Missing(AssemblyName assembly, string path) => new($"{assembly.Name}.dll is not in the plugin's folder {Path.GetDirectoryName(path)}");

    /// <summary>The plugin whose code an error came from; null where it was none's.</summary>
    internal static string? NameIn(Exception error) => new StackTrace(error).GetFrames()
        .Select(frame => frame.GetMethod()?.DeclaringType?.Assembly)
        .Select(assembly => assembly is not null && AssemblyLoadContext.GetLoadContext(assembly) is { } context && Names.TryGetValue(context, out var name) ? name : null)
        .FirstOrDefault(name => name is not null);
}
