using Microsoft.Extensions.DependencyInjection;

namespace Plumbline.Tests.Plugins.Unconfigurable;

/// <summary>Fails while the plugin is loaded.</summary>
public sealed class Unconfigurable : IPlugin
{
    /// <inheritdoc/>
    public void Configure(IServiceCollection services, PluginContext context) => throw new PlumblineException("the licence of this plugin ran out");
}

/// <summary>A reward that nobody will ever get.</summary>
[Reward("unconfigurable")]
public sealed class Unreachable : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) => 0;
}
