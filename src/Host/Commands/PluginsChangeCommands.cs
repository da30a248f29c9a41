using System.CommandLine;
using System.Text.Json.Nodes;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary>The commands that change a plugins folder: <c>plugins add</c>, <c>remove</c>, <c>lock</c>, <c>release</c>; <c>search</c>, which looks at an index; and <c>index</c>, which writes one.</summary>
internal static class PluginsChangeCommands
{
    private static readonly Argument<string> Source = new("source") { Description = "A package (.nupkg, .zip), a plugin's folder or assembly; or, with an index, an id or id@version." };
    private static readonly Argument<string> Name = new("name") { Description = "The plugin's name: its folder's." };
    private static readonly Argument<string?> Text = new("text") { Description = "Words to look for in ids and summaries; none: everything.", Arity = ArgumentArity.ZeroOrOne };
    private static readonly Option<bool> Replace = new("--replace") { Description = "Take the place of an installed plugin of the same name." };
    private static readonly Option<string?> As = new("--name") { Description = "The name to install it by. Default: the package's id, or the folder's or file's name.", HelpName = "NAME" };
    private static readonly Option<string?> Index = new("--index") { Description = "A list of plugins: a JSON file or a URL. Default: $PLUMB_INDEX.", HelpName = "PATH|URL" };
    private static readonly Argument<string[]> Packages = new("package") { Description = "Packages (.nupkg), or folders of them.", Arity = ArgumentArity.OneOrMore };
    private static readonly Option<string> Out = new("--out") { Description = "The index. What is in it stays; a version that is there is replaced.", HelpName = "FILE", DefaultValueFactory = _ => "index.json" };
    private static readonly Option<bool> AsJson = CommandTree.Json();

    internal static IEnumerable<Command> Build() =>
    [
        new Command("add", "Installs a plugin, or leaves the folder as it was. Refuses what can't be used. A locked folder's lock is kept true.") { Source, Replace, As, Index, AsJson }.Does(AddAsync),
        new Command("remove", "Takes a plugin out of the folder.") { Name }.Does(Remove),
        new Command("lock", "Writes plugins.lock.json: every file of every plugin by its SHA-256. With --locked, a run refuses a folder that differs from it.").Does(Lock),
        new Command("release", "Lets a plugin be used again that ended a worker, though its files are the same.") { Name }.Does(Release),
        new Command("index", "Enters packages into an index: version, contract, place relative to it, hash.") { Packages, Out }.Does(Enter),
        new Command("search", "Lists an index's plugins: the newest version that fits this host, and what is blocked.") { Text, Index, AsJson }.Does(SearchAsync),
    ];

    /// <summary>The plugins folder to change; it need not exist yet.</summary>
    private static PluginPlace Place(ParseResult result) => PluginPlace.ToChange(result.GetValue(CommandTree.Plugins));

    private static async Task<int> AddAsync(ParseResult result)
    {
        var (source, place) = (result.GetRequiredValue(Source), Place(result));
        var store = new PluginStore(place);
        var added = File.Exists(source) || Directory.Exists(source) ? store.Add(source, result.GetValue(Replace), result.GetValue(As))
            : await FromIndex(source, store, place.Folder, result).ConfigureAwait(false);
        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonObject { ["name"] = added.Name, ["version"] = added.Version, ["folder"] = added.Folder, ["parts"] = new JsonArray([.. added.Parts.Select(part => (JsonNode)$"{part.Kind} {part.Id}")]) });
        }
        else
        {
            Output.Console().Plain($"installed {added.Name} {added.Version} in {added.Folder}: {string.Join(", ", added.Parts.Select(part => $"{part.Kind} {part.Id}"))}");
        }

        return ExitCodes.Success;
    }

    private static async Task<InstalledPlugin> FromIndex(string wanted, PluginStore store, string folder, ParseResult result)
    {
        if (wanted.Contains('/', StringComparison.Ordinal) || wanted.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) || wanted.EndsWith(".nupkg", StringComparison.OrdinalIgnoreCase))
        {
            throw new PlumblineException($"there is no file or folder {Path.GetFullPath(wanted)}");
        }

        var (id, version) = wanted.Split('@', 2) is [var name, var number] ? (name, number) : (wanted, null);
        var index = await PluginIndex.OpenAsync(result.GetValue(Index)).ConfigureAwait(false);
        var plugin = index.Find(id);
        var chosen = plugin.Choose(version);
        var fetched = Directory.CreateTempSubdirectory("plumb-add-").FullName;
        try
        {
            var added = store.Add(await index.FetchAsync(plugin, chosen, fetched).ConfigureAwait(false), result.GetValue(Replace), result.GetValue(As) ?? id);
            PluginState.Read(folder).Block(added.Name, plugin.Blocked.ToDictionary(blocked => blocked.Key.Version.ToString(3), blocked => blocked.Value));
            return added;
        }
        finally
        {
            Directory.Delete(fetched, recursive: true);
        }
    }

    private static int Remove(ParseResult result)
    {
        var name = result.GetRequiredValue(Name);
        var place = Place(result);
        new PluginStore(place).Remove(name);
        Output.Console().Plain($"removed {name} from {place.Folder}");
        return ExitCodes.Success;
    }

    private static int Lock(ParseResult result)
    {
        var place = PluginPlace.Locate(result.GetValue(CommandTree.Plugins));
        var plugins = place.Scan();
        PluginLock.Of(plugins).Write(place.Folder);
        Output.Console().Plain($"locked {plugins.Count} plugins in {Path.Combine(place.Folder, PluginLock.FileName)}");
        return ExitCodes.Success;
    }

    private static int Release(ParseResult result)
    {
        var (name, folder) = (result.GetRequiredValue(Name), PluginPlace.Locate(result.GetValue(CommandTree.Plugins)).Folder);
        Output.Console().Plain(PluginState.Read(folder).Release(name) ? $"plugin '{name}' may be used again" : throw new PlumblineException($"no plugin '{name}' is quarantined in {folder}"));
        return ExitCodes.Success;
    }

    private static int Enter(ParseResult result)
    {
        var index = Path.GetFullPath(result.GetRequiredValue(Out));
        var entered = PluginIndexFile.Enter(index, result.GetRequiredValue(Packages));
        Output.Console().Plain($"{index} lists {string.Join(", ", entered.Select(plugin => $"{plugin.Id} {plugin.Version}"))}");
        return ExitCodes.Success;
    }

    private static async Task<int> SearchAsync(ParseResult result)
    {
        var words = result.GetValue(Text);
        var index = await PluginIndex.OpenAsync(result.GetValue(Index)).ConfigureAwait(false);
        var found = index.Plugins.Where(plugin => words is null || plugin.Id.Contains(words, StringComparison.OrdinalIgnoreCase) || plugin.Summary.Contains(words, StringComparison.OrdinalIgnoreCase)).ToList();
        if (result.GetValue(AsJson))
        {
            Output.Json(new JsonArray([.. found.Select(plugin => new JsonObject
            {
                ["id"] = plugin.Id,
                ["summary"] = plugin.Summary,
                ["newest"] = plugin.Newest?.Version.ToString(),
                ["versions"] = new JsonArray([.. plugin.Versions.Select(version => (JsonNode)version.Version.ToString())]),
                ["blocked"] = new JsonObject(plugin.Blocked.Select(blocked => KeyValuePair.Create(blocked.Key.ToString(), (JsonNode?)blocked.Value))),
            })]));
            return ExitCodes.Success;
        }

        var table = new Table().AddColumns("id", "newest that fits", "versions", "blocked", "what it is");
        foreach (var plugin in found)
        {
            table.AddRow([.. new[]
            {
                plugin.Id, plugin.Newest?.Version.ToString() ?? "none", string.Join(", ", plugin.Versions.Select(version => version.Version)),
                string.Join("; ", plugin.Blocked.Select(blocked => $"{blocked.Key}: {blocked.Value}")), plugin.Summary,
            }.Select(Markup.Escape)]);
        }

        var console = Output.Console();
        console.Write(table);
        console.Plain($"{found.Count} of {index.Plugins.Count} plugins");
        return ExitCodes.Success;
    }
}
