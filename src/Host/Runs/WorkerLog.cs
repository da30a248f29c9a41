namespace Plumbline.Host.Runs;

/// <summary>What plugins and native libraries print, kept in the run's <c>worker.log</c>; in memory only until the run has a folder.</summary>
internal sealed class WorkerLog
{
    private readonly Lock _turn = new();
    private readonly List<string> _early = [];
    private StreamWriter? _file;
    private bool _closed;
    private int _count;

    /// <summary>Keeps a line.</summary>
    /// <param name="line">The line.</param>
    /// <param name="folder">The run's folder; null where it has none yet.</param>
    /// <returns>How many lines there were, with this one.</returns>
    internal int Add(string line, string? folder)
    {
        lock (_turn)
        {
            if (!_closed)
            {
                _early.Add(line);
                Write(folder);
            }

            return ++_count;
        }
    }

    /// <summary>Writes what is left; lines that come later are not kept.</summary>
    internal void Close(string? folder)
    {
        lock (_turn)
        {
            Write(folder);
            _closed = true;
            _file?.Dispose();
        }
    }

    private void Write(string? folder)
    {
        if (folder is null || _early.Count == 0)
        {
            return;
        }

        _file ??= new StreamWriter(Path.Combine(folder, "worker.log")) { AutoFlush = true };
        _early.ForEach(_file.WriteLine);
        _early.Clear();
    }
}
