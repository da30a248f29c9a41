using Plumbline.Host.Runs;

namespace Plumbline.Host.Terminal;

/// <summary>Shows a run while it goes on.</summary>
internal interface IRunView
{
    /// <summary>Shows events until there are no more.</summary>
    Task ShowAsync(IAsyncEnumerable<RunEvent> events);
}
