using System.CommandLine;
using System.Threading.Channels;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Host.Terminal;
using Plumbline.Options;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb watch</c>: runs a manifest again, in a fresh worker, whenever it or a plugin's assembly changes. An author's inner loop.</summary>
internal static class WatchCommand
{
    /// <summary>A build writes several files; what follows within this time belongs to the same change.</summary>
    private static readonly TimeSpan Settles = TimeSpan.FromMilliseconds(400);
    private static readonly Argument<string> ManifestPath = new("manifest") { Description = "A manifest." };
    private static readonly Option<string[]> Set = new("--set") { Description = "Change the manifest before it is read, as plumb run --set does.", HelpName = "PATH=VALUE" };
    private static readonly Option<int?> Times = new("--times") { Description = "End after so many runs. Default: go on until Ctrl-C.", HelpName = "N" };

    internal static Command Build() => new Command("watch", "Runs a manifest, and again in a fresh worker each time that it or an assembly in the plugins folder is replaced. Ctrl-C ends it.") { ManifestPath, Set, Times }.Does(WatchAsync);

    private static async Task<int> WatchAsync(ParseResult result)
    {
        var path = Path.GetFullPath(result.GetRequiredValue(ManifestPath));
        var folder = PluginPlace.Locate(result.GetValue(CommandTree.Plugins)).Folder;
        Directory.CreateDirectory(folder);
        var changes = Channel.CreateUnbounded<string>();
        using var plugins = Watch(folder, "*.dll", subfolders: true, changes.Writer);
        using var manifest = Watch(Path.GetDirectoryName(path)!, Path.GetFileName(path), subfolders: false, changes.Writer);
        // A plugin that is a link: what changes is where the link leads.
        var linked = Directory.EnumerateDirectories(folder).Select(name => new DirectoryInfo(name).ResolveLinkTarget(returnFinalTarget: true)).OfType<DirectoryInfo>()
            .Select(target => Watch(target.FullName, "*.dll", subfolders: true, changes.Writer)).ToList();
        try
        {
            for (var run = 1; ; run++)
            {
                var code = await RunAsync(path, folder, result).ConfigureAwait(false);
                if (run >= result.GetValue(Times) || code == ExitCodes.Interrupted)
                {
                    return code;
                }

                await Console.Out.WriteLineAsync($"watching {folder} and {path}; Ctrl-C ends").ConfigureAwait(false);
                var changed = await NextAsync(changes.Reader).ConfigureAwait(false);
                await Console.Out.WriteLineAsync($"changed: {changed}").ConfigureAwait(false);
            }
        }
        finally
        {
            linked.ForEach(watcher => watcher.Dispose());
        }
    }

    private static async Task<int> RunAsync(string path, string plugins, ParseResult result)
    {
        try
        {
            var manifest = ManifestReader.Read(path);
            foreach (var change in result.GetValue(Set) ?? [])
            {
                Override.Parse(change).Apply(manifest);
            }

            var supervisor = new Supervisor(new LineView(Console.Out), TimeSpan.FromMinutes(5));
            var ended = await supervisor.RunAsync(new RunJob { Manifest = manifest, BaseFolder = Path.GetDirectoryName(path)!, Plugins = plugins, Locked = result.GetValue(CommandTree.Locked) }).ConfigureAwait(false);
            RunSummary.Show(Output.Console(), supervisor.State, ended);
            await Console.Out.WriteLineAsync(Output.Line(ended)).ConfigureAwait(false);
            return (int)ended["exit_code"]!;
        }
        catch (ManifestException refused)
        {
            // The author is in the middle of a change: told, and waited for.
            await Console.Error.WriteLineAsync($"plumb: {refused.Message}").ConfigureAwait(false);
            return ExitCodes.Refused;
        }
    }

    private static async Task<string> NextAsync(ChannelReader<string> changes)
    {
        var first = await changes.ReadAsync().ConfigureAwait(false);
        while (true)
        {
            using var quiet = new CancellationTokenSource(Settles);
            try
            {
                _ = await changes.ReadAsync(quiet.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return first;
            }
        }
    }

    private static FileSystemWatcher Watch(string folder, string filter, bool subfolders, ChannelWriter<string> changes)
    {
        var watcher = new FileSystemWatcher(folder, filter) { IncludeSubdirectories = subfolders, NotifyFilter = NotifyFilters.FileName | NotifyFilters.LastWrite | NotifyFilters.Size };
        watcher.Created += (_, change) => changes.TryWrite(change.FullPath);
        watcher.Changed += (_, change) => changes.TryWrite(change.FullPath);
        watcher.Renamed += (_, change) => changes.TryWrite(change.FullPath);
        watcher.EnableRaisingEvents = true;
        return watcher;
    }
}
