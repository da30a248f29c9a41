using Microsoft.Extensions.Logging;

namespace Plumbline.Host.Runs;

/// <summary>Sends log messages to the supervisor, which shows them.</summary>
internal sealed class EventLoggerProvider(EventWriter events) : ILoggerProvider
{
    /// <inheritdoc/>
    public ILogger CreateLogger(string categoryName) => new EventLogger(categoryName, events);

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private sealed class EventLogger(string category, EventWriter events) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel is >= LogLevel.Information and < LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (IsEnabled(logLevel))
            {
                var level = logLevel switch { >= LogLevel.Error => "error", LogLevel.Warning => "warning", _ => "info" };
                events.Send(new Logged(level, $"{category.Split('.')[^1]}: {formatter(state, exception)}{(exception is null ? string.Empty : $" ({exception.Message})")}"));
            }
        }
    }
}
