using System.Text.Json;

namespace Plumbline.Host.Runs;

/// <summary>Sends events over a pipe, a line of JSON each.</summary>
internal sealed class EventWriter(Stream pipe) : IDisposable
{
    private readonly Lock _turn = new();
    private bool _deaf;

    /// <summary>Sends one event. A supervisor that is gone is not an error here: the worker is told to stop by other means.</summary>
    internal void Send(RunEvent @event)
    {
        var line = JsonSerializer.SerializeToUtf8Bytes(@event, RunJson.Default.RunEvent);
        lock (_turn)
        {
            if (_deaf)
            {
                return;
            }

            try
            {
                pipe.Write([.. line, (byte)'\n']);
                pipe.Flush();
            }
            catch (IOException)
            {
                _deaf = true;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => pipe.Dispose();
}

/// <summary>Reads what an <see cref="EventWriter"/> sends, to its end.</summary>
internal static class EventReader
{
    internal static async IAsyncEnumerable<RunEvent> ReadAll(Stream pipe)
    {
        using var reader = new StreamReader(pipe);
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            RunEvent? @event;
            try
            {
                @event = JsonSerializer.Deserialize(line, RunJson.Default.RunEvent);
            }
            catch (JsonException)
            {
                // The last line of a worker that died in the middle of it.
                continue;
            }

            if (@event is not null)
            {
                yield return @event;
            }
        }
    }
}
