using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Commands;

/// <summary>The commands <c>plugins list</c> and <c>plugins show</c>.</summary>
public sealed class PluginsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Ids => [.. PluginCatalog.Open(Repository.Plugins).Plugins.SelectMany(plugin => plugin.Parts).Select(part => part.Id).Distinct()];

    [Fact]
    public void The_list_has_every_part_and_needs_no_engine()
    {
        var run = Plumb.RunIn(_folder.Path, new Dictionary<string, string> { ["PLUMB_NATIVE"] = "/nonexistent" }, "plugins", "list").With(0);
        Assert.All(PluginCatalog.Open(Repository.Plugins).Plugins.SelectMany(plugin => plugin.Parts), part => Assert.Contains(part.Id, run.Output, StringComparison.Ordinal));
        Assert.Contains(Repository.Plugins, run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', run.Output);
    }

    [Fact]
    public void The_list_as_json_has_plugin_path_and_parts()
    {
        var list = JsonNode.Parse(Plumb.Run("plugins", "list", "--json").With(0).Output)!;
        Assert.Equal(Repository.Plugins, (string)list["folder"]!);
        var dpo = list["plugins"]!.AsArray().Single(plugin => (string)plugin!["name"]! == "Dpo")!;
        Assert.Null(dpo["broken"]);
        Assert.Superset(new HashSet<string> { "algorithm dpo", "objective dpo" }, dpo["parts"]!.AsArray().Select(part => $"{part!["kind"]} {part["id"]}").ToHashSet());
        Assert.All(list["plugins"]!.AsArray().SelectMany(plugin => plugin!["parts"]!.AsArray()), part => Assert.NotEmpty((string)part!["summary"]!));
    }

    [Fact]
    public void Broken_plugins_are_listed_with_the_reason_even_where_a_name_has_brackets()
    {
        var plugins = _folder.Plugins();
        _folder.Write("plugins/Old [red] one/Text.dll", "no assembly");
        new EmittedAssembly("Copy").WithReward("exact-answer").WriteTo(_folder.At("plugins", "Copy [bold]"), "Copy.dll");
        var list = Plumb.Run("plugins", "list", "--plugins", plugins).With(0).Output;
        Assert.Contains("broken: Old [red] one: none of its assemblies (Text.dll)", list, StringComparison.Ordinal);
        Assert.Contains("broken: Copy [bold]: its reward 'exact-answer' is also in 'ExactAnswer'; keep one of them in the plugins folder", list, StringComparison.Ordinal);
        Assert.Contains("broken: ExactAnswer: its reward 'exact-answer' is also in 'Copy [bold]'", list, StringComparison.Ordinal);
        Assert.Contains(", 3 of them broken", list, StringComparison.Ordinal);
        var doctor = Plumb.Run("doctor", "--plugins", plugins).With(1).Output;
        Assert.Contains("WARN plugin Old [red] one: ", doctor, StringComparison.Ordinal);
        Assert.Contains("WARN plugin Copy [bold]: ", doctor, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Ids))]
    public void Every_part_can_be_shown_and_its_example_is_valid(string id)
    {
        var registry = Installed.Registry();
        foreach (var (plugin, part) in registry.Catalog.WithId(id).ToList())
        {
            var card = PartCard.Of(registry, plugin, part);
            var binder = new OptionsBinder(registry);
            if (part.Kind is Kinds.Algorithm or Kinds.Loop)
            {
                binder.BindPart<ILoop>(card.Example, "$");
            }
            else
            {
                typeof(OptionsBinder).GetMethod(nameof(OptionsBinder.BindPart))!.MakeGenericMethod(ContractOf(registry.Find(part.Kind, part.Id)!.Type, part.Kind)).Invoke(binder, [card.Example, "$"]);
            }

            Assert.Empty(binder.Errors.Select(error => $"{part.Kind} {card.Example.ToJsonString()}: {error}"));
        }
    }

    [Fact]
    public void A_part_is_shown_with_options_ranges_and_an_example()
    {
        var shown = Plumb.Run("plugins", "show", "simpo").With(0).Output;
        Assert.Contains("simpo  algorithm, plugin SimPo 0.1.0", shown, StringComparison.Ordinal);
        Assert.Contains("arXiv 2405.14734", shown, StringComparison.Ordinal);
        Assert.Contains("runs in the loop offline-pairs", shown, StringComparison.Ordinal);
        Assert.Contains("\"use\": \"simpo\"", shown, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', shown);
        var json = JsonNode.Parse(Plumb.Run("plugins", "show", "simpo", "--json").With(0).Output)!;
        var beta = Assert.Single(json.AsArray())!["options"]!.AsArray().Single(option => (string)option!["name"]! == "beta")!;
        Assert.Equal("> 0", (string)beta["range"]!);
    }

    [Fact]
    public void An_unknown_id_is_refused_with_the_nearest()
    {
        var run = Plumb.Run("plugins", "show", "simpoo").With(1);
        Assert.Contains("no installed plugin has a part 'simpoo'; did you mean 'simpo'?", run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>The contract by which a part has its kind: one kind may have several, as rewards of texts and of samples are.</summary>
    private static Type ContractOf(Type part, string kind) =>
        part.GetInterfaces().First(type => ((KindAttribute?)Attribute.GetCustomAttribute(type, typeof(KindAttribute), inherit: false))?.Kind == kind);
}
