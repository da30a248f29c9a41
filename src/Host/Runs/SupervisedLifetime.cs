using Microsoft.Extensions.Hosting;

namespace Plumbline.Host.Runs;

/// <summary>The worker's lifetime: it stops when its supervisor says so, or is gone.</summary>
internal sealed class SupervisedLifetime(TextReader input, IHostApplicationLifetime lifetime) : IHostLifetime
{
    internal const string Stop = "stop";

    /// <inheritdoc/>
    public Task WaitForStartAsync(CancellationToken cancellationToken)
    {
        var listener = new Thread(() =>
        {
            while (input.ReadLine() is { } line && line != Stop)
            {
            }

            lifetime.StopApplication();
        })
        {
            IsBackground = true,
            Name = "supervisor",
        };
        listener.Start();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
