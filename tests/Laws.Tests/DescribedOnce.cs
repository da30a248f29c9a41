using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Laws;

/// <summary>Schema, help and catalogue are generated from code and comments: so each must be there, and be clear.</summary>
public sealed class DescribedOnce
{
    private static readonly PartRegistry Registry = new(Tree.Catalog, new Microsoft.Extensions.DependencyInjection.ServiceCollection());

    public static TheoryData<string, string> Parts => [.. Tree.Catalog.Plugins.SelectMany(plugin => plugin.Parts).Select(part => (part.Kind, part.Id))];

    [Theory]
    [MemberData(nameof(Parts))]
    public void A_part_and_each_of_its_options_has_a_summary(string kind, string id)
    {
        var card = Card(kind, id);
        Assert.Matches("^[A-Z0-9].{8,}[.]$", card.Summary);
        Assert.All(card.Options, option => Assert.True(option.Summary.EndsWith('.'), $"{kind} '{id}': the summary of {option.Name} is '{option.Summary}'"));
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void No_option_stands_in_a_method_and_in_its_loop(string kind, string id)
    {
        var names = Card(kind, id).Options.Select(option => option.Name).ToList();
        Assert.Equal(names.Distinct(), names);
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void An_id_is_lower_case_words_joined_by_hyphens(string kind, string id)
    {
        Assert.Matches("^[a-z0-9]+(-[a-z0-9]+)*$", id);
        Assert.Matches("^[a-z]+(-[a-z]+)*$", kind);
    }

    private static PartCard Card(string kind, string id)
    {
        lock (Registry)
        {
            var (plugin, part) = Tree.Catalog.Find(kind, id)!.Value;
            return PartCard.Of(Registry, plugin, part);
        }
    }
}
