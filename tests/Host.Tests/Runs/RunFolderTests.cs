using Plumbline.Host.Runs;

namespace Plumbline.Tests.Host.Runs;

public sealed class RunFolderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_folder_that_is_not_empty_is_refused_and_left_as_it_is()
    {
        _folder.Write("out/notes.txt", "mine");
        var error = Assert.Throws<PlumblineException>(() => RunFolder.Create(_folder.At("out"), "x", DateTimeOffset.UnixEpoch));
        Assert.Contains(_folder.At("out"), error.Message, StringComparison.Ordinal);
        Assert.Equal(["notes.txt"], Directory.GetFiles(_folder.At("out")).Select(Path.GetFileName));
    }

    [Fact]
    public void Of_runs_that_want_one_folder_at_one_moment_one_gets_it()
    {
        var won = 0;
        Parallel.For(0, 16, _ =>
        {
            try
            {
                using var folder = RunFolder.Create(_folder.At("out"), "x", DateTimeOffset.UnixEpoch);
                Interlocked.Increment(ref won);
            }
            catch (PlumblineException)
            {
                // Another was quicker.
            }
        });
        Assert.Equal(1, won);
    }

    [Fact]
    public void A_whole_file_appears_at_once_and_leaves_no_temporary_one()
    {
        using var folder = RunFolder.Create(_folder.At("out"), "x", DateTimeOffset.UnixEpoch);
        folder.Write("result.json", new JsonObject { ["text"] = "größer & <smaller>" });
        folder.Write("result.json", new JsonObject { ["text"] = "é" });
        Assert.Equal("{\n  \"text\": \"é\"\n}\n", File.ReadAllText(folder.File("result.json")));
        Assert.DoesNotContain(Directory.EnumerateFiles(folder.Path), path => path.EndsWith(".tmp", StringComparison.Ordinal));
    }

    [Fact]
    public void A_line_is_in_the_file_as_soon_as_it_is_added()
    {
        using var folder = RunFolder.Create(_folder.At("out"), "x", DateTimeOffset.UnixEpoch);
        folder.Append("metrics.jsonl", new JsonObject { ["step"] = 0 });
        Assert.Equal("{\"step\":0}\n", Read());
        folder.Append("metrics.jsonl", new JsonObject { ["step"] = 1 });
        Assert.Equal("{\"step\":0}\n{\"step\":1}\n", Read());

        string Read()
        {
            using var file = new StreamReader(new FileStream(folder.File("metrics.jsonl"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
            return file.ReadToEnd();
        }
    }

    public void Dispose() => _folder.Dispose();
}
