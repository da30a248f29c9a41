namespace Plumbline.Tests.Plugins.Runs;

/// <summary>Twenty steps of each method's default stage against the curve on record: a change of a number never goes unseen.</summary>
/// <remarks>
/// A curve changes only in a commit that says why. <c>PLUMB_GOLDEN=write</c> in the environment writes the curves of this build
/// into tests/golden instead of comparing.
/// </remarks>
public sealed class GoldenCurves
{
    private const int Steps = 20;

    public static TheoryData<string> Algorithms => [.. StageRun.Parts.Ids(Kinds.Algorithm).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void Twenty_steps_of_a_methods_default_stage_are_as_on_record(string id)
    {
        string[] lines = [.. StageRun.Run(SmallStages.Of(id, Steps)).Lines];
        Assert.Equal(Steps, lines.Length);
        if (Environment.GetEnvironmentVariable("PLUMB_GOLDEN") == "write")
        {
            File.WriteAllText(Path.Combine(Sources, id + ".jsonl"), string.Join('\n', lines) + '\n');
            return;
        }

        var path = Path.Combine(AppContext.BaseDirectory, "golden", id + ".jsonl");
        Assert.True(File.Exists(path), $"there is no curve of '{id}' on record; run this test with PLUMB_GOLDEN=write and commit tests/golden/{id}.jsonl");
        Assert.Equal(File.ReadAllLines(path), lines);
    }

    [Fact]
    public void Every_curve_on_record_is_a_methods()
    {
        var recorded = Directory.EnumerateFiles(Sources).Select(Path.GetFileNameWithoutExtension);
        Assert.Empty(recorded.Except(StageRun.Parts.Ids(Kinds.Algorithm)));
    }

    /// <summary>tests/golden of the tree that the tests were built from.</summary>
    private static string Sources
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!Directory.Exists(Path.Combine(folder.FullName, "tests", "golden")))
            {
                folder = folder.Parent ?? throw new InvalidOperationException("these tests do not lie in a tree with a folder tests/golden");
            }

            return Path.Combine(folder.FullName, "tests", "golden");
        }
    }
}
