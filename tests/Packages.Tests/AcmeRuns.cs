namespace Plumbline.Tests.Packages;

/// <summary>The runs of the sample vendor's manifests; each must learn what it is about.</summary>
internal sealed class AcmeRuns(TemporaryFolder folder, string plugins, string manifests)
{
    /// <summary>The vendor's objective and reward, in loops of the framework's.</summary>
    internal void LearnPairs()
    {
        var steps = Run("pairs");
        Assert.True(Mean(steps, "acme-hinge", "gap", last: true) > Mean(steps, "acme-hinge", "gap", last: false) + 0.2);
        Assert.True(Mean(steps, "grpo", "reward/acme-vowels", last: true) > Mean(steps, "grpo", "reward/acme-vowels", last: false) + 0.2);
    }

    /// <summary>The vendor's loop.</summary>
    internal void LearnTheBestOfWhatWasSampled()
    {
        var steps = Run("games");
        Assert.True(Mean(steps, "acme-best-of", "reward/acme-vowels", last: true) > Mean(steps, "acme-best-of", "reward/acme-vowels", last: false) + 0.2);
    }

    /// <summary>The vendor's environment.</summary>
    internal void LearnToDriveALift()
    {
        var steps = Run("lift");
        Assert.True(Mean(steps, "gigpo", "success_rate", last: true) > Mean(steps, "gigpo", "success_rate", last: false) + 0.2);
    }

    private List<JsonNode> Run(string name)
    {
        Plumb.Run("run", Path.Combine(manifests, name + ".jsonc"), "--plugins", plugins, "--out", folder.At("runs", name)).With(0);
        return [.. File.ReadLines(folder.At("runs", name, "metrics.jsonl")).Select(line => JsonNode.Parse(line)!)];
    }

    /// <summary>A metric's mean over the first or the last five steps of a stage.</summary>
    private static double Mean(List<JsonNode> steps, string stage, string metric, bool last)
    {
        var values = steps.Where(step => (string)step["stage"]! == stage).Select(step => (double)step[metric]!).ToList();
        return (last ? values.TakeLast(5) : values.Take(5)).Average();
    }
}
