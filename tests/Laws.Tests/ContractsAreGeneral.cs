using System.Text.RegularExpressions;

namespace Plumbline.Tests.Laws;

/// <summary>What the host and the contracts are about is parts, batches and models: what these parts do is for the layers below and above to say.</summary>
public sealed partial class ContractsAreGeneral
{
    public static TheoryData<string> Sources => [.. new[] { "Abstractions", "Host" }.SelectMany(project => Directory.EnumerateFiles(Path.Combine(Repository.Root, "src", project), "*.cs", SearchOption.AllDirectories))
        .Select(path => Path.GetRelativePath(Repository.Root, path)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Sources))]
    public void Host_and_contracts_know_no_field(string path) =>
        Assert.Empty(Fields().Matches(File.ReadAllText(Path.Combine(Repository.Root, path))).Select(match => match.Value));

    /// <summary>Pictures, agents, and tables of logits or values; not the tables that a console draws.</summary>
    [GeneratedRegex(@"\b(images?|pixels?|pictures?|agents?|tabular|TableModel|LogitTable)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Fields();
}
