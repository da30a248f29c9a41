using System.Collections.Concurrent;
using System.Reflection;
using System.Text.RegularExpressions;
using System.Xml;
using System.Xml.Linq;

namespace Plumbline.Host.Plugins;

/// <summary>The one-line summaries that the compiler wrote beside an assembly.</summary>
internal sealed partial class XmlSummaries
{
    // Large files are asked for again and again: those of the assemblies that every plugin refers to.
    private static readonly ConcurrentDictionary<string, (DateTime Written, XmlSummaries Summaries)> Read = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _summaries = new(StringComparer.Ordinal);

    private XmlSummaries()
    {
    }

    /// <summary>The summaries of an assembly's file; none where it carries no documentation.</summary>
    internal static XmlSummaries Of(string assemblyPath)
    {
        var path = Path.ChangeExtension(assemblyPath, ".xml");
        if (!File.Exists(path))
        {
            return new XmlSummaries();
        }

        var written = File.GetLastWriteTimeUtc(path);
        return Read.TryGetValue(path, out var known) && known.Written == written ? known.Summaries : (Read[path] = (written, Parse(path))).Summaries;
    }

    private static XmlSummaries Parse(string path)
    {
        var summaries = new XmlSummaries();
        try
        {
            foreach (var member in XDocument.Load(path).Descendants("member"))
            {
                if (member.Attribute("name")?.Value is { } name && member.Element("summary") is { } summary)
                {
                    summaries._summaries[name] = Plain(summary);
                }
            }
        }
        catch (XmlException)
        {
            // Documentation is a help, not a need: a plugin runs without it.
            summaries._summaries.Clear();
        }

        return summaries;
    }

    /// <summary>The summary of a class, by its full name; empty where it has none.</summary>
    internal string OfType(string fullName) => _summaries.GetValueOrDefault("T:" + fullName.Replace('+', '.'), string.Empty);

    /// <summary>The summary of a property, from the class that declares it, or from the interface it fulfils there.</summary>
    internal string OfProperty(PropertyInfo property)
    {
        var own = _summaries.GetValueOrDefault(Key(property), string.Empty);
        return own.Length > 0 ? own
            : property.DeclaringType!.GetInterfaces().Select(type => type.GetProperty(property.Name)).OfType<PropertyInfo>()
                .Select(inherited => Of(inherited.DeclaringType!.Assembly.Location)._summaries.GetValueOrDefault(Key(inherited), string.Empty))
                .FirstOrDefault(summary => summary.Length > 0) ?? string.Empty;
    }

    private static string Key(PropertyInfo property) => $"P:{property.DeclaringType!.FullName!.Replace('+', '.')}.{property.Name}";

    private static string Plain(XElement summary)
    {
        var text = string.Concat(summary.Nodes().Select(node => node switch
        {
            XText words => words.Value,
            XElement { Name.LocalName: "see" or "paramref" or "typeparamref" } link => (link.Attribute("cref") ?? link.Attribute("langword") ?? link.Attribute("name"))?.Value.Split('.')[^1] ?? link.Value,
            XElement element => element.Value,
            _ => string.Empty,
        }));
        return Spaces().Replace(text, " ").Trim();
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();
}
