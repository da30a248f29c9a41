using Plumbline.Host.Claims;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

/// <summary>The page of papers is written by the program from the plugins; it must not be older than they are.</summary>
public sealed class ThePapersPageIsTrue
{
    [Fact]
    public void The_page_of_papers_is_what_is_installed()
    {
        var written = File.ReadAllText(Path.Combine(Repository.Root, "docs", "papers.md"));
        var now = PaperCatalogue.Markdown(PaperCatalogue.Of(new PartRegistry(Tree.Catalog, new Microsoft.Extensions.DependencyInjection.ServiceCollection()), []));
        Assert.True(
            PaperCatalogue.WithoutVerdicts(written) == PaperCatalogue.WithoutVerdicts(now),
            $"docs/papers.md is not what is installed; write it anew by ./plumb plugins list --papers --out docs/papers.md. First difference: {Difference(PaperCatalogue.WithoutVerdicts(written), PaperCatalogue.WithoutVerdicts(now))}");
    }

    [Fact]
    public void Every_verdict_on_the_page_of_claims_is_of_an_installed_paper()
    {
        var ids = Paper.Of(Tree.Catalog).Select(paper => paper.Id).ToHashSet();
        var documents = ClaimDocuments.In(Path.Combine(Repository.Root, "docs"));
        Assert.NotEmpty(documents.Results);
        Assert.All(documents.Results, result => Assert.Contains(result.Id, ids));
        Assert.Equal(ClaimDocuments.Markdown(documents.Results), File.ReadAllText(documents.MarkdownPath));
    }

    private static string Difference(string written, string now) => written.Split('\n').Zip(now.Split('\n')).Where(pair => pair.First != pair.Second)
        .Select(pair => $"\nwritten: {pair.First}\nnow:     {pair.Second}").FirstOrDefault("the number of lines");
}
