using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Fixtures;

/// <summary>The installed plugins, in this process.</summary>
internal static class Installed
{
    /// <summary>A registry over the installed plugins; each has load contexts of its own.</summary>
    internal static PartRegistry Registry(string? folder = null) => new(PluginCatalog.Open(folder ?? Repository.Plugins), new ServiceCollection());
}
