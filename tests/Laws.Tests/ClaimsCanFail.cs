using System.Text.RegularExpressions;
using Plumbline.Host.Claims;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

/// <summary>Every paper's claim is an experiment that runs here and that could come out otherwise.</summary>
public sealed partial class ClaimsCanFail
{
    private static readonly PartRegistry Registry = new(Tree.Catalog, new Microsoft.Extensions.DependencyInjection.ServiceCollection());

    public static TheoryData<string> Papers => [.. Paper.Of(Tree.Catalog).Select(paper => paper.Id)];

    public static TheoryData<string> Claims => [.. Tree.PluginFolders.Where(folder => File.Exists(Path.Combine(folder, "Claim.cs"))).Select(folder => Path.GetRelativePath(Path.Combine(Repository.Root, "plugins"), folder))];

    [Theory]
    [MemberData(nameof(Papers))]
    public void A_paper_has_a_claim_whose_arms_and_checks_are_right(string id)
    {
        var paper = Paper.Of(Tree.Catalog).Single(paper => paper.Id == id);
        lock (Registry)
        {
            var file = ClaimFile.Read(paper, Registry);
            Assert.NotEmpty(file.Runs);
            Assert.NotEmpty(file.Claim.Paper.Figure);
            // The claim may be a later paper's that uses the method; the README tells of both.
            Assert.Contains(file.Claim.Paper.Arxiv, File.ReadAllText(Path.Combine(paper.Plugin.Folder, "README.md")), StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Claims))]
    public void What_only_a_claims_experiments_need_says_so_and_is_called_after_the_paper(string folder)
    {
        var declared = Declared().Matches(File.ReadAllText(Path.Combine(Repository.Root, "plugins", folder, "Claim.cs"))).Select(match => match.Groups[1].Value).Distinct().ToList();
        Assert.NotEmpty(declared);
        var paper = Paper.Of(Tree.Catalog).Single(paper => paper.Plugin.Name == Path.GetFileName(folder));
        var summaries = XmlSummaries.Of(paper.Plugin.Header!.Path);
        Assert.All(declared, id => Assert.StartsWith(paper.Id + "-", id, StringComparison.Ordinal));
        Assert.All(paper.Plugin.Parts.Where(part => declared.Contains(part.Id)), part =>
            Assert.True(PaperCatalogue.IsOfClaim(paper, part, summaries), $"the summary of {part.Kind} '{part.Id}' does not say 'claim of {paper.Id}'"));
    }

    [Fact]
    public void There_are_papers_with_claims() => Assert.True(Papers.Count >= 4);

    /// <summary>The attribute of a part: on a line of its own, with an id.</summary>
    [GeneratedRegex("""^\[(?!Default|Target)\w+\((?:(?:"[a-z-]+"|[A-Z][\w.]+), )?"([a-z0-9-]+)"[,)]""", RegexOptions.Multiline)]
    private static partial Regex Declared();
}
