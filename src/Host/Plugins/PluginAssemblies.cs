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
            configure.DefaultContext = AssemblyLoadContext.Default;
            foreach (var shared in SharedAssemblies.Names)
            {
                configure.SharedAssemblies.Add(new AssemblyName(shared));
            }
        });
        Names.AddOrUpdate(loader.LoadContext, plugin);
        return loader.LoadDefaultAssembly();
#else
        var context = new PluginLoadContext(plugin, path);
        Names.AddOrUpdate(context, plugin);
        return context.LoadPlugin();
#endif
    }

    /// <summary>The plugin whose code an error came from; null where it was none's.</summary>
    internal static string? NameIn(Exception error) => new StackTrace(error).GetFrames()
        .Select(frame => frame.GetMethod()?.DeclaringType?.Assembly)
        .Select(assembly => assembly is not null && AssemblyLoadContext.GetLoadContext(assembly) is { } context && Names.TryGetValue(context, out var name) ? name : null)
        .FirstOrDefault(name => name is not null);
}
