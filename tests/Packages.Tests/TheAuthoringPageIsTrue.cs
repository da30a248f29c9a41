using System.Text;

namespace Plumbline.Tests.Packages;

/// <summary>docs/authoring.md, walked from top to bottom: files are written as they stand there, commands are run, and what was seen is seen.</summary>
public sealed class TheAuthoringPageIsTrue
{
    private const string Mark = "@@ block ";

    [Fact]
    public void It_leads_from_nothing_to_a_published_plugin()
    {
        var blocks = Blocks(File.ReadAllLines(Path.Combine(Repository.Root, "docs", "authoring.md"))).ToList();
        Assert.Contains(blocks, block => block.Language == "csharp");
        using var folder = new TemporaryFolder();
        var script = new StringBuilder();
        for (var i = 0; i < blocks.Count; i++)
        {
            var (language, file, text) = blocks[i];
            if (file?.StartsWith("samples/", StringComparison.Ordinal) == true)
            {
                // The sample's own test builds it.
                Assert.Equal(File.ReadAllText(Path.Combine(Repository.Root, file)), text);
            }
            else if (file is not null)
            {
                script.Append($"cat > '{file}' <<'END-OF-{i}'\n{text}END-OF-{i}\n");
            }
            else if (language == "bash")
            {
                script.Append($"echo '{Mark}{i}'\n{text}");
            }
            else
            {
                Assert.True(language == "text" && i > 0 && blocks[i - 1].Language == "bash", $"block {i} ({language}) is neither a file, nor a command, nor what a command printed");
            }
        }

        var output = Feed.Author(folder, script.ToString(), Directory.CreateDirectory(folder.At("author")).FullName);
        // Beside what came with the tool, not among it.
        Assert.True(File.Exists(folder.At("data", "plumbline", "plugins", "acme-hinge", "Acme.Hinge.dll")));
        var printed = output.Split(Mark).Skip(1).ToDictionary(part => int.Parse(part[..part.IndexOf('\n')], System.Globalization.CultureInfo.InvariantCulture));
        for (var i = 1; i < blocks.Count; i++)
        {
            if (blocks[i] is { Language: "text", File: null })
            {
                Assert.All(blocks[i].Text.TrimEnd('\n').Split('\n'), line => Assert.Contains(line, printed[i - 1], StringComparison.Ordinal));
            }
        }
    }

    /// <summary>The fenced blocks in order; one below a line that is only a path in backticks is that file.</summary>
    private static IEnumerable<(string Language, string? File, string Text)> Blocks(string[] lines)
    {
        var before = string.Empty;
        for (var i = 0; i < lines.Length; i++)
        {
            if (!lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                before = lines[i].Length > 0 ? lines[i] : before;
                continue;
            }

            var end = Array.IndexOf(lines, "```", i + 1);
            var file = before.Length > 2 && before[0] == '`' && before.IndexOf('`', 1) == before.Length - 1 ? before[1..^1] : null;
            yield return (lines[i][3..], file, string.Concat(lines[(i + 1)..end].Select(line => line + "\n")));
            (i, before) = (end, string.Empty);
        }
    }
}
