namespace Plumbline.Tests.Host.Commands;

/// <summary>An author's inner loop, and the search for a plugin that breaks a run.</summary>
public sealed class WatchTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_replaced_plugin_is_run_again_in_a_fresh_worker()
    {
        var plugins = _folder.Plugins();
        var own = Directory.CreateDirectory(Path.Combine(plugins, "Trouble")).FullName;
        foreach (var file in Directory.EnumerateFiles(Path.Combine(Repository.TestPlugins, "Trouble")))
        {
            File.Copy(file, Path.Combine(own, Path.GetFileName(file)));
        }

        var manifest = _folder.Write("m.jsonc", Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("none"), 2)));
        using var process = Plumb.Start(_folder.Path, null, "watch", manifest, "--plugins", plugins, "--times", "2");
        var lines = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            lines.Add(line);
            if (line.StartsWith("watching ", StringComparison.Ordinal))
            {
                var dll = Path.Combine(own, "Plumbline.Plugins.Trouble.dll");
                File.Copy(dll, dll + ".new");
                File.Move(dll + ".new", dll, overwrite: true);
            }
        }

        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Contains(lines, line => line.StartsWith("changed: ", StringComparison.Ordinal) && line.EndsWith("Plumbline.Plugins.Trouble.dll", StringComparison.Ordinal));
        Assert.Equal(2, lines.Count(line => line.StartsWith('{') && line.Contains("\"verdict\":\"completed\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_plugin_that_the_end_of_the_run_names_is_found_at_once()
    {
        var found = Bisect(Tiny.Manifest(Tiny.Grpo(Tiny.Trouble("segfaults", 1), 50))).With(1).Json();
        Assert.Equal(("Trouble", 1), ((string)found["culprit"]!, (int)found["runs"]!));
        // It was looked for, not punished.
        Assert.False(File.Exists(_folder.At("plugins", ".plugins.state.json")));
    }

    [Fact]
    public void A_run_that_is_well_breaks_on_no_plugin() => Assert.Null(Bisect(Tiny.Manifest(Tiny.Sft(1))).With(0).Json()["culprit"]);

    [Fact]
    public void A_plugin_that_nothing_names_is_found_by_leaving_parts_out()
    {
        // A reward that is no number breaks the loss, and the message is the loop's.
        var stage = Tiny.Grpo("\"exact-answer\", " + Tiny.Trouble("not_finite", 0), 5);
        var found = Bisect(Tiny.Manifest(stage)).With(1).Json();
        Assert.Equal("Trouble", (string)found["culprit"]!);
    }

    public void Dispose() => _folder.Dispose();

    private Plumb.Ended Bisect(string manifest) => Plumb.Run("doctor", "--bisect", _folder.Write("m.jsonc", manifest), "--json", "--plugins", _folder.Plugins("Trouble"));
}
