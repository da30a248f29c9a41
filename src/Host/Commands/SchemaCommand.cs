using System.CommandLine;
using Microsoft.Extensions.DependencyInjection;
using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;

namespace Plumbline.Host.Commands;

/// <summary><c>plumb schema</c>: what editors need to complete and check manifests.</summary>
internal static class SchemaCommand
{
    private static readonly Option<string?> Out = new("--out") { Description = "Write the schema to a file instead of printing it.", HelpName = "FILE" };

    internal static Command Build() => new Command("schema", "Makes the JSON schema of manifests over the installed plugins; name it in a manifest's \"$schema\" for completion in editors.") { Out }.Does(Make);

    private static int Make(ParseResult result)
    {
        var schema = new ManifestSchema(new PartRegistry(CommandTree.Catalog(result), new ServiceCollection()));
        var json = schema.Make();
        foreach (var left in schema.LeftOut)
        {
            Console.Error.WriteLine($"plumb: left out: {left}");
        }

        if (result.GetValue(Out) is { } path)
        {
            File.WriteAllText(path, Output.Text(json) + Environment.NewLine);
            Console.Error.WriteLine($"plumb: wrote {path}");
        }
        else
        {
            Output.Json(json);
        }

        return ExitCodes.Success;
    }
}
