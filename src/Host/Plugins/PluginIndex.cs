using System.Text.Json;
using System.Text.Json.Nodes;
using NuGet.Versioning;

namespace Plumbline.Host.Plugins;

/// <summary>A list of plugins that can be installed: a static JSON file at a path or a URL.</summary>
/// <remarks>
/// <code>{ "index": 1, "plugins": { "my-method": { "summary": "…", "versions": [ { "version": "1.0.0", "contract": { "from": "0.1", "below": "1.0" },
/// "package": "my-method.1.0.0.nupkg", "sha256": "…" } ], "blocked": [ { "version": "0.9.0", "reason": "…" } ] } } }</code>
/// A package's place is relative to the index.
/// </remarks>
internal sealed class PluginIndex
{
    private const string Variable = "PLUMB_INDEX";
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(5);
    private readonly Uri _source;

    private PluginIndex(Uri source, IReadOnlyList<IndexedPlugin> plugins) => (_source, Plugins) = (source, plugins);

    /// <summary>What it lists, by id.</summary>
    internal IReadOnlyList<IndexedPlugin> Plugins { get; }

    /// <summary>Reads the index that is named, or else <c>$PLUMB_INDEX</c>.</summary>
    /// <exception cref="PlumblineException">None is named, or it can't be read; the message names the place.</exception>
    internal static async Task<PluginIndex> OpenAsync(string? named)
    {
        var place = named ?? Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(place))
        {
            throw new PlumblineException($"no index is named; give --index PATH|URL, or set ${Variable}");
        }

        var source = Uri.TryCreate(place, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" or "file" ? url : new Uri(Path.GetFullPath(place));
        return new PluginIndex(source, Parse(place, await ReadAsync(source).ConfigureAwait(false)));
    }

    /// <summary>A plugin's entry.</summary>
    /// <exception cref="PlumblineException">There is none; the message has the nearest id.</exception>
    internal IndexedPlugin Find(string id) => Plugins.FirstOrDefault(plugin => plugin.Id == id)
        ?? throw new PlumblineException($"{_source} lists no plugin '{id}'{(Plumbline.Options.Naming.Nearest(id, Plugins.Select(plugin => plugin.Id)) is { } near ? $"; did you mean '{near}'?" : string.Empty)}");

    /// <summary>Fetches a version's package into a folder and checks its hash.</summary>
    /// <returns>The package.</returns>
    /// <exception cref="PlumblineException">It can't be fetched, or is not what the index says.</exception>
    internal async Task<string> FetchAsync(IndexedPlugin plugin, IndexedVersion version, string folder)
    {
        var place = new Uri(_source, version.Package);
        var path = Path.Combine(folder, Path.GetFileName(place.LocalPath));
        await File.WriteAllBytesAsync(path, await ReadAsync(place).ConfigureAwait(false)).ConfigureAwait(false);
        var hash = PluginFiles.Hash(path);
        return hash.Equals(version.Sha256, StringComparison.OrdinalIgnoreCase) ? path
            : throw new PlumblineException($"{place} is not what the index says of '{plugin.Id}' {version.Version}: its SHA-256 is {hash}, and {version.Sha256} is wanted. Nothing was installed; do not use it, and tell whoever keeps the index");
    }

    private static async Task<byte[]> ReadAsync(Uri source)
    {
        try
        {
            if (source.IsFile)
            {
                return await File.ReadAllBytesAsync(source.LocalPath).ConfigureAwait(false);
            }

            using var client = new HttpClient { Timeout = Longest };
            return await client.GetByteArrayAsync(source).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or HttpRequestException or TaskCanceledException)
        {
            throw new PlumblineException($"{source} can't be read: {error.Message.TrimEnd('.')}", error);
        }
    }

    private static List<IndexedPlugin> Parse(string place, byte[] content)
    {
        JsonObject plugins;
        try
        {
            plugins = JsonNode.Parse(content)?["plugins"] as JsonObject ?? throw new PlumblineException($"{place} is no index: it has no object 'plugins'");
        }
        catch (JsonException error)
        {
            throw new PlumblineException($"{place} is no JSON (line {error.LineNumber + 1})", error);
        }

        return [.. plugins.Select(entry => ParsePlugin(place, entry.Key, entry.Value as JsonObject)).OrderBy(plugin => plugin.Id, StringComparer.Ordinal)];
    }

    private static IndexedPlugin ParsePlugin(string place, string id, JsonObject? json)
    {
        PlumblineException Wrong(string what) => new($"{place}: plugin '{id}' {what}");
        string Text(JsonNode? of, string name) => of is JsonObject entry && entry[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text : throw Wrong($"has no text '{name}'");
        NuGetVersion Number(string text) => NuGetVersion.TryParse(text, out var version) ? version : throw Wrong($"has the version '{text}', which is none");
        if (json is null || id.IndexOfAny(Path.GetInvalidFileNameChars()) >= 0 || id.StartsWith('.'))
        {
            throw Wrong(json is null ? "is no object" : "has an id that is no name for a folder");
        }

        var versions = (json["versions"] as JsonArray ?? throw Wrong("has no list 'versions'")).Select(version => new IndexedVersion(
            Number(Text(version, "version")),
            Version.TryParse(Text(version!["contract"], "from"), out var from) ? from : throw Wrong("has a contract 'from' that is no version"),
            Version.TryParse(Text(version["contract"], "below"), out var below) ? below : throw Wrong("has a contract 'below' that is no version"),
            Text(version, "package"),
            Text(version, "sha256"))).OrderByDescending(version => version.Version).ToList();
        var blocked = (json["blocked"] as JsonArray ?? []).ToDictionary(entry => Number(Text(entry, "version")), entry => Text(entry, "reason"));
        return new IndexedPlugin(id, (string?)json["summary"] ?? string.Empty, versions, blocked);
    }
}

/// <summary>A plugin of an index.</summary>
/// <param name="Id">The name it is installed by.</param>
/// <param name="Summary">What it is.</param>
/// <param name="Versions">Newest first.</param>
/// <param name="Blocked">Versions not to be used, each with the reason.</param>
internal sealed record IndexedPlugin(string Id, string Summary, IReadOnlyList<IndexedVersion> Versions, IReadOnlyDictionary<NuGetVersion, string> Blocked)
{
    /// <summary>The newest version that works with this host and is not blocked; null where there is none. Versions under test only where there are no others.</summary>
    internal IndexedVersion? Newest => Fitting.FirstOrDefault(version => !version.Version.IsPrerelease) ?? Fitting.FirstOrDefault();

    private IEnumerable<IndexedVersion> Fitting => Versions.Where(version => version.Fits && !Blocked.ContainsKey(version.Version));

    /// <summary>The version asked for, or the newest.</summary>
    /// <exception cref="PlumblineException">There is none, or it must not be used; the message has the reason and what there is.</exception>
    internal IndexedVersion Choose(string? wanted)
    {
        if (wanted is null)
        {
            return Newest ?? throw new PlumblineException(
                $"no version of '{Id}' fits this host, which has contract {SharedAssemblies.ContractVersion.ToString(3)}: {string.Join("; ", Versions.Select(Why))}");
        }

        var version = NuGetVersion.TryParse(wanted, out var number) ? Versions.FirstOrDefault(version => version.Version == number) : null;
        return version is null ? throw new PlumblineException($"'{Id}' has no version '{wanted}'; it has {string.Join(", ", Versions.Select(version => version.Version))}")
            : Blocked.TryGetValue(version.Version, out var reason) ? throw new PlumblineException($"'{Id}' {version.Version} is blocked: {reason}{Instead()}")
            : version.Fits ? version
            : throw new PlumblineException($"'{Id}' {Why(version)}, and this host has contract {SharedAssemblies.ContractVersion.ToString(3)}{Instead()}");

        string Instead() => Newest is { } newest ? $"; take {newest.Version}" : string.Empty;
    }

    private string Why(IndexedVersion version) => Blocked.TryGetValue(version.Version, out var reason) ? $"{version.Version} is blocked: {reason}" : $"{version.Version} is for contracts from {version.From} to below {version.Below}";
}

/// <summary>A version of a plugin in an index.</summary>
/// <param name="Version">The version.</param>
/// <param name="From">The lowest contract it works with.</param>
/// <param name="Below">The first contract that is too new.</param>
/// <param name="Package">Where the package is, relative to the index.</param>
/// <param name="Sha256">The package's hash.</param>
internal sealed record IndexedVersion(NuGetVersion Version, Version From, Version Below, string Package, string Sha256)
{
    /// <summary>Whether it works with this host's contract.</summary>
    internal bool Fits => SharedAssemblies.ContractVersion >= From && SharedAssemblies.ContractVersion < Below;
}
