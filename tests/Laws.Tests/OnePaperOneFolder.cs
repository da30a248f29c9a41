namespace Plumbline.Tests.Laws;

/// <summary>One paper, one folder, one assembly; the same few files in each.</summary>
public sealed class OnePaperOneFolder
{
    public static TheoryData<string> Folders => [.. Tree.PluginFolders.Select(folder => Path.GetRelativePath(Path.Combine(Repository.Root, "plugins"), folder))];

    public static TheoryData<string> Methods => [.. Tree.Methods.Select(plugin => plugin.Name)];

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_plugins_folder_holds_one_project_of_its_name_and_its_part_in_a_file_of_its_name(string folder)
    {
        var path = Path.Combine(Repository.Root, "plugins", folder);
        var name = Path.GetFileName(folder);
        Assert.Equal([name + ".csproj"], Directory.GetFiles(path, "*.csproj", SearchOption.AllDirectories).Select(Path.GetFileName));
        Assert.True(File.Exists(Path.Combine(path, name + ".cs")), $"{folder} has no {name}.cs");
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_explains_itself(string name)
    {
        var plugin = Tree.Methods.Single(plugin => plugin.Name == name);
        var readme = Path.Combine(plugin.Folder, "README.md");
        Assert.True(File.Exists(readme), $"{name} has no README.md");
        Assert.StartsWith("# ", File.ReadAllText(readme), StringComparison.Ordinal);
        if (plugin.Parts.FirstOrDefault(part => part.Paper is not null)?.Paper is { } paper)
        {
            Assert.Contains(paper, File.ReadAllText(readme), StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_comes_from_one_paper(string name)
    {
        var algorithms = Tree.Methods.Single(plugin => plugin.Name == name).Parts.Where(part => part.Kind == Kinds.Algorithm).ToList();
        Assert.True(algorithms.Select(part => part.Paper).Distinct().Count() == 1, $"{name} brings methods of several papers: {string.Join(", ", algorithms.Select(part => $"{part.Id} {part.Paper}"))}");
        Assert.All(algorithms, part => Assert.Equal(part.Paper is null, part.Title is null));
    }

    [Fact]
    public void Every_folder_of_sources_is_a_plugin_that_is_built() =>
        Assert.Empty(Tree.PluginFolders.Select(Path.GetFileName).Except(Tree.Plugins.Select(plugin => plugin.Name)));
}
