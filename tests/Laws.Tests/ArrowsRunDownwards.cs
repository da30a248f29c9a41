namespace Plumbline.Tests.Laws;

/// <summary>Host → Training → Abstractions → Torch; plugins → Training, Abstractions, Torch. See docs/architecture.md.</summary>
public sealed class ArrowsRunDownwards
{
    private static readonly Dictionary<string, string[]> Below = new()
    {
        ["Plumbline.Torch"] = [],
        ["Plumbline.Abstractions"] = ["Plumbline.Torch"],
        ["Plumbline.Training"] = ["Plumbline.Torch", "Plumbline.Abstractions"],
        ["Plumbline.Testing"] = ["Plumbline.Torch", "Plumbline.Abstractions", "Plumbline.Training"],
        ["Plumbline.Host"] = ["Plumbline.Torch", "Plumbline.Abstractions", "Plumbline.Training"],
    };

    private static readonly string[] Contracts = Below["Plumbline.Host"];

    public static TheoryData<string> Plugins => [.. Tree.Plugins.Select(plugin => plugin.Name)];

    [Fact]
    public void Every_project_of_the_house_references_only_those_below_it()
    {
        var projects = Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories);
        Assert.Equal(Below.Keys.Order(StringComparer.Ordinal), projects.Select(Path.GetFileNameWithoutExtension).Order(StringComparer.Ordinal));
        Assert.All(projects, project => Assert.Empty(Tree.ProjectReferences(project).Except(Below[Path.GetFileNameWithoutExtension(project)])));
    }

    [Theory]
    [InlineData("Plumbline.Torch", "Plumbline.Torch.dll")]
    [InlineData("Plumbline.Abstractions", "Plumbline.Abstractions.dll")]
    [InlineData("Plumbline.Training", "Plumbline.Training.dll")]
    [InlineData("Plumbline.Host", "plumb.dll")]
    public void Every_assembly_of_the_house_references_only_those_below_it(string project, string file) =>
        Assert.Empty(Ours(Metadata.Of(Tree.HostFile(file)).Assemblies).Except(Below[project]));

    [Fact]
    public void A_plugins_project_references_contracts_alone()
    {
        Assert.Equal(Contracts.Order(StringComparer.Ordinal), Tree.ProjectReferences(Path.Combine(Repository.Root, "plugins", "Directory.Build.props")).Order(StringComparer.Ordinal));
        foreach (var project in Directory.GetFiles(Path.Combine(Repository.Root, "plugins"), "*.csproj", SearchOption.AllDirectories))
        {
            Assert.Empty(Tree.ProjectReferences(project).Except(Contracts));
        }
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void A_plugin_references_neither_the_host_nor_another_plugin(string name)
    {
        var plugin = Tree.Plugins.Single(plugin => plugin.Name == name);
        Assert.Null(plugin.Broken);
        Assert.Empty(Ours(Metadata.Of(plugin.Header!.Path).Assemblies).Except(Contracts));
        Assert.DoesNotContain(Directory.GetFiles(plugin.Folder, "*.dll").Select(Path.GetFileNameWithoutExtension), file => Contracts.Contains(file) || file == "plumb");
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void A_plugin_knows_the_tensor_engine_only_as_TorchSharp(string name)
    {
        var metadata = Metadata.Of(Tree.Plugins.Single(plugin => plugin.Name == name).Header!.Path);
        Assert.DoesNotContain(metadata.Types, type => type.StartsWith("Plumbline.Engine.", StringComparison.Ordinal));
    }

    [Fact]
    public void In_Training_only_the_folder_Engine_knows_what_goes_beyond_TorchSharp()
    {
        var engine = "Plumbline." + "Engine";
        var folder = Path.Combine(Repository.Root, "src", "Training");
        var knowing = Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories).Where(file => File.ReadAllText(file).Contains(engine, StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(knowing);
        Assert.All(knowing, file => Assert.Equal(Path.Combine(folder, "Engine"), Path.GetDirectoryName(file)));
    }

    [Fact]
    public void The_solution_holds_every_project_that_is_packed()
    {
        var solution = File.ReadAllText(Path.Combine(Repository.Root, "Framework.sln"));
        var packed = Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories).Concat(Directory.GetFiles(Path.Combine(Repository.Root, "templates"), "*.csproj")).ToList();
        Assert.True(packed.Count >= 6);
        Assert.All(packed, project => Assert.Contains(Path.GetRelativePath(Repository.Root, project).Replace('/', '\\'), solution, StringComparison.Ordinal));
    }

    private static IEnumerable<string> Ours(IEnumerable<string> assemblies) =>
        assemblies.Where(name => name.StartsWith("Plumbline.", StringComparison.Ordinal) || name == "plumb");
}
