using Microsoft.Extensions.DependencyInjection;

namespace Plumbline;

/// <summary>For a plugin with special needs: runs once when the plugin is loaded, after its parts were registered by convention.</summary>
public interface IPlugin
{
    /// <summary>Adds the plugin's own services.</summary>
    void Configure(IServiceCollection services, PluginContext context);
}

/// <summary>What a plugin may know of itself while it is configured.</summary>
/// <param name="Name">The plugin's name: its folder's.</param>
/// <param name="Folder">The folder it was loaded from.</param>
public sealed record PluginContext(string Name, string Folder);

/// <summary>On a plugin's assembly: the versions of Plumbline.Abstractions it works with. Absent: the one it was built against, up to the next major.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
public sealed class ContractRangeAttribute(string from, string below) : Attribute
{
    /// <summary>The lowest contract version, inclusive.</summary>
    public string From { get; } = from;

    /// <summary>The first contract version that is too new.</summary>
    public string Below { get; } = below;
}
