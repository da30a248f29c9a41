using System.CommandLine;
using Plumbline.Host.Plugins;
using Plumbline.Host.Runs;
using Plumbline.Options;

namespace Plumbline.Host.Commands;

/// <summary>The command line: every command with its options and help.</summary>
internal static class CommandTree
{
    /// <summary>On every command: another plugins folder.</summary>
    internal static readonly Option<string?> Plugins = new("--plugins")
    {
        Description = "The plugins folder. Default: $PLUMB_PLUGINS, or the folder 'plugins' beside the program or above it; of an installed tool a folder of the user's own, beside the plugins that came with it.",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>On every command: the folder must be as its lock says.</summary>
    internal static readonly Option<bool> Locked = new("--locked")
    {
        Description = "Refuse a plugins folder with a file added, changed or missing since plumb plugins lock.",
        Recursive = true,
    };

    /// <summary>The plugins that a command works with.</summary>
    internal static PluginCatalog Catalog(ParseResult result) => PluginCatalog.Open(result.GetValue(Plugins), result.GetValue(Locked));

    internal static RootCommand Build()
    {
        var plugins = new Command("plugins", "Looks at the plugins folder, and changes it.") { PluginsListCommand.Build(), PluginsShowCommand.Build(), PluginsCheckCommand.Build() };
        foreach (var change in PluginsChangeCommands.Build())
        {
            plugins.Add(change);
        }

        var root = new RootCommand("Plumbline: preference optimisation and reinforcement learning of generative models, each method a plugin. " + ExitCodes.Help)
        {
            Plugins,
            Locked,
            RunCommand.Build(),
            WatchCommand.Build(),
            VerifyCommand.Build(),
            ReproduceCommand.Build(),
            plugins,
            SchemaCommand.Build(),
            DoctorCommand.Build(),
        };
        return root;
    }

    /// <summary>Sets what a command does; an error meant for the user becomes a line and an exit code.</summary>
    internal static Command Does(this Command command, Func<ParseResult, Task<int>> action)
    {
        command.SetAction(async (result, _) =>
        {
            try
            {
                return await action(result).ConfigureAwait(false);
            }
            catch (ManifestException refused)
            {
                foreach (var error in Lines(refused))
                {
                    await Console.Error.WriteLineAsync($"plumb: {error}").ConfigureAwait(false);
                }

                return ExitCodes.Refused;
            }
            catch (Exception error) when (error is PlumblineException or IOException or UnauthorizedAccessException or DllNotFoundException)
            {
                await Console.Error.WriteLineAsync($"plumb: {error.Message}").ConfigureAwait(false);
                return ExitCodes.Failed;
            }
        });
        return command;
    }

    /// <summary>A line an error; what is wrong with the command line or the file itself has no place in the manifest.</summary>
    internal static string[] Lines(ManifestException refused) => refused.Message.Split(Environment.NewLine);

    internal static Command Does(this Command command, Func<ParseResult, int> action) => command.Does(result => Task.FromResult(action(result)));

    /// <summary>The option <c>--json</c>.</summary>
    internal static Option<bool> Json() => new("--json") { Description = "Print the result as JSON." };
}
