using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Discovery;

public sealed class AssemblyHeaderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Name_version_and_references_are_read()
    {
        var header = Read(new EmittedAssembly("Some.Plugin", new Version(0, 1, 0, 0)).Referencing("Other", new Version(2, 3, 0, 0)));
        Assert.Equal(("Some.Plugin", new Version(1, 2, 3, 0)), (header.Name.Name, header.Name.Version));
        Assert.Equal(
            [("Other", new Version(2, 3, 0, 0)), ("Plumbline.Abstractions", new Version(0, 1, 0, 0))],
            header.References.Where(reference => reference.Name != "System.Runtime").Select(reference => (reference.Name!, reference.Version!)).Order());
        Assert.Empty(header.Parts);
        Assert.Empty(header.Targets);
        Assert.Null(header.ContractRange);
    }

    [Fact]
    public void Every_attribute_of_a_part_tells_its_kind()
    {
        var attributes = typeof(PartAttribute).Assembly.GetTypes().Where(type => type.BaseType == typeof(PartAttribute) && type != typeof(AlgorithmAttribute)).ToList();
        Assert.NotEmpty(attributes);
        foreach (var attribute in attributes)
        {
            var expected = ((PartAttribute)Activator.CreateInstance(attribute, "x")!).Kind;
            var part = Assert.Single(Read(new EmittedAssembly("P").WithPart("Thing", attribute.Name, ["some-id"])).Parts);
            Assert.Equal((expected, "some-id", "Emitted.Thing"), (part.Kind, part.Id, part.TypeName));
        }
    }

    [Fact]
    public void A_kind_of_a_plugins_own_is_read() =>
        Assert.Equal(("planner", "best-first"), Read(new EmittedAssembly("P").WithPart("Thing", "PartAttribute", ["planner", "best-first"])).Parts.Select(part => (part.Kind, part.Id)).Single());

    [Fact]
    public void Paper_and_title_are_read()
    {
        var part = Read(new EmittedAssembly("P").WithPart("Thing", "RewardAttribute", ["r"], ("Paper", "1234.56789"), ("Title", "On things"))).Parts.Single();
        Assert.Equal(("1234.56789", "On things"), (part.Paper, part.Title));
    }

    [Fact]
    public void An_algorithm_is_two_parts_itself_and_what_fills_its_slot()
    {
        var parts = Read(new EmittedAssembly("P").WithPart("Thing", "AlgorithmAttribute", ["method", "online-groups"], ("Slot", "token_reward"))).Parts;
        Assert.Equal([("algorithm", "method", "online-groups", "token-reward"), ("token-reward", "method", null, null)], parts.Select(part => (part.Kind, part.Id, part.Loop, part.SlotKind)));
        Assert.Equal("objective", Read(new EmittedAssembly("P").WithPart("Thing", "AlgorithmAttribute", ["method", "sft"])).Parts[0].SlotKind);
    }

    [Fact]
    public void A_stated_contract_range_is_read() =>
        Assert.Equal((new Version(0, 1), new Version(3, 0)), Read(new EmittedAssembly("P").WithRange("0.1", "3.0")).ContractRange);

    [Fact]
    public void Functions_for_reference_cases_are_read()
    {
        var header = AssemblyHeader.Read(Path.Combine(Repository.Plugins, "Dpo", "Plumbline.Plugins.Dpo.dll"));
        Assert.NotEmpty(header.Targets);
        Assert.All(header.Targets, target => Assert.StartsWith("dpo/", target, StringComparison.Ordinal));
    }

    [Fact]
    public void Reading_a_header_loads_nothing()
    {
        var parts = Read(new EmittedAssembly("Never.Loaded").WithReward("r")).Parts;
        Assert.Single(parts);
        Assert.DoesNotContain(AppDomain.CurrentDomain.GetAssemblies(), assembly => assembly.GetName().Name == "Never.Loaded");
    }

    [Fact]
    public void A_text_is_no_assembly() => Assert.Throws<BadImageFormatException>(() => AssemblyHeader.Read(_folder.Write("x.dll", "hello")));

    public void Dispose() => _folder.Dispose();

    private AssemblyHeader Read(EmittedAssembly assembly) => AssemblyHeader.Read(assembly.WriteTo(_folder.Path, $"{Guid.NewGuid():N}.dll"));
}
