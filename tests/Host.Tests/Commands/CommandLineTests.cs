using System.CommandLine;
using Plumbline.Host.Commands;

namespace Plumbline.Tests.Host.Commands;

public sealed class CommandLineTests
{
    public static TheoryData<string> Commands => [.. Paths(CommandTree.Build(), string.Empty)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_has_help_and_so_has_every_option(string command)
    {
        var run = Plumb.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).With(0);
        Assert.Contains("Usage:", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Error);
        var parsed = CommandTree.Build().Parse(command).CommandResult.Command;
        Assert.False(string.IsNullOrEmpty(parsed.Description));
        Assert.All(parsed.Options, option => Assert.False(string.IsNullOrEmpty(option.Description), option.Name));
        Assert.All(parsed.Arguments, argument => Assert.False(string.IsNullOrEmpty(argument.Description), argument.Name));
    }

    [Theory]
    [InlineData("run")]
    [InlineData("rum", "x")]
    [InlineData("run", "x", "--bogus")]
    [InlineData("run", "x", "--seed", "many")]
    [InlineData("run", "x", "--hang-after", "nan")]
    [InlineData("run", "x", "--hang-after", "0")]
    [InlineData("plugins")]
    public void A_wrong_command_line_is_refused(params string[] arguments) => Assert.NotEmpty(Plumb.Run(arguments).With(2).Error);

    [Fact]
    public void A_schema_is_printed_or_written()
    {
        using var folder = new TemporaryFolder();
        var printed = Plumb.Run("schema").With(0);
        Plumb.Run("schema", "--out", folder.At("schema.json")).With(0);
        Assert.Equal(printed.Output, File.ReadAllText(folder.At("schema.json")));
        Assert.Equal("Plumbline manifest", (string)JsonNode.Parse(printed.Output)!["title"]!);
    }

    [Fact]
    public void A_plugins_folder_that_is_not_there_is_named()
    {
        var run = Plumb.Run("plugins", "list", "--plugins", "/nonexistent").With(1);
        Assert.Equal("plumb: there is no plugins folder /nonexistent; it is named by --plugins\n", run.Error);
        run = Plumb.RunIn(Repository.Root, new Dictionary<string, string> { ["PLUMB_PLUGINS"] = "/nonexistent" }, "plugins", "list").With(1);
        Assert.Contains("$PLUMB_PLUGINS", run.Error, StringComparison.Ordinal);
    }

    private static IEnumerable<string> Paths(Command command, string path)
    {
        yield return path;
        foreach (var inner in command.Subcommands.SelectMany(inner => Paths(inner, $"{path} {inner.Name}".Trim())))
        {
            yield return inner;
        }
    }
}
