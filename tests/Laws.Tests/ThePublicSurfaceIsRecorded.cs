using System.Reflection;
using PublicApiGenerator;

namespace Plumbline.Tests.Laws;

/// <summary>
/// What plugins compile against changes only with its record in tests/api, in a commit that says why. PLUMB_API=write writes the records anew.
/// Within a major version a line may be added; one that goes or changes breaks plugins that are already built.
/// </summary>
public sealed class ThePublicSurfaceIsRecorded
{
    private static readonly string Folder = Path.Combine(Repository.Root, "tests", "api");
    private static readonly bool Write = Environment.GetEnvironmentVariable("PLUMB_API") == "write";

    // Which build it was is no part of the surface, nor where its sources lay: a theory has their path.
    private static readonly ApiGeneratorOptions Options = new() { IncludeAssemblyAttributes = false, ExcludeAttributes = ["Xunit.TheoryAttribute"] };

    [Theory]
    [InlineData("Plumbline.Abstractions")]
    [InlineData("Plumbline.Testing")]
    [InlineData("Plumbline.Torch")]
    [InlineData("Plumbline.Training")]
    public void The_surface_is_the_recorded_one(string assembly)
    {
        var surface = Assembly.Load(assembly).GeneratePublicApi(Options).ReplaceLineEndings("\n") + "\n";
        var record = Path.Combine(Folder, assembly + ".txt");
        if (Write)
        {
            Directory.CreateDirectory(Folder);
            File.WriteAllText(record, surface);
        }

        var (recorded, here) = (File.ReadAllLines(record), surface.TrimEnd('\n').Split('\n'));
        var changed = recorded.Except(here).Select(line => $"- {line.Trim()}").Concat(here.Except(recorded).Select(line => $"+ {line.Trim()}")).Take(20).ToList();
        Assert.True(
            changed.Count == 0 && recorded.Length == here.Length,
            $"the public surface of {assembly} is not the one in tests/api (- recorded, + here); if it is meant, run this test with PLUMB_API=write and commit the record with the reason\n{string.Join('\n', changed)}");
    }
}
