using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Plumbline.Host.Commands;

/// <summary>Where commands write: words and tables to people, JSON to programs.</summary>
internal static class Output
{
    private const int PipeWidth = 160;
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly JsonSerializerOptions OneLine = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A console on a stream; where nobody watches, wide enough for whole sentences and without colours.</summary>
    internal static IAnsiConsole Console(bool error = false)
    {
        var redirected = error ? System.Console.IsErrorRedirected : System.Console.IsOutputRedirected;
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(error ? System.Console.Error : System.Console.Out),
            Ansi = redirected ? AnsiSupport.No : AnsiSupport.Detect,
            Interactive = redirected ? InteractionSupport.No : InteractionSupport.Detect,
        });
        if (redirected)
        {
            console.Profile.Width = PipeWidth;
        }

        return console;
    }

    /// <summary>A line as it is, however long: what is copied, such as a path or JSON, must not be broken.</summary>
    internal static void Plain(this IAnsiConsole console, string line) => console.Profile.Out.Writer.WriteLine(line);

    /// <summary>Prints JSON for a program to read.</summary>
    internal static void Json(JsonNode json) => System.Console.Out.WriteLine(Text(json));

    /// <summary>JSON over several lines.</summary>
    internal static string Text(JsonNode json) => json.ToJsonString(Indented);

    /// <summary>JSON on one line.</summary>
    internal static string Line(JsonNode json) => json.ToJsonString(OneLine);
}
