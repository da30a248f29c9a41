namespace Plumbline.Tests.Host.Commands;

public sealed class DoctorTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void It_looks_at_engine_devices_and_plugins()
    {
        // Its exit code tells of this machine: a slow BLAS is a finding too.
        var findings = JsonNode.Parse(Plumb.Run("doctor", "--json").Output)!.AsArray();
        Assert.Superset(new HashSet<string> { "engine", "libtorch", "BLAS", "devices", "plugins" }, findings.Select(finding => (string)finding!["subject"]!).ToHashSet());
        Assert.All(findings, finding => Assert.NotEmpty((string)finding!["finding"]!));
        Assert.True((bool)findings.Single(finding => (string)finding!["subject"]! == "engine")!["well"]!);
    }

    [Fact]
    public void A_plugin_that_breaks_only_when_it_is_loaded_is_found()
    {
        var run = Plumb.Run("doctor", "--plugins", _folder.Plugins("Unconfigurable", "Trouble")).With(1);
        Assert.Contains("WARN plugin Unconfigurable: it failed while it was loaded (PlumblineException: the licence of this plugin ran out)", run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("plugin Trouble", run.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/nonexistent")]
    [InlineData("/etc/hostname")]
    public void An_engine_that_can_not_be_loaded_is_a_finding_not_a_crash(string native)
    {
        var run = Plumb.RunIn(_folder.Path, new Dictionary<string, string> { ["PLUMB_NATIVE"] = native }, "doctor").With(1);
        Assert.Contains("WARN engine: ", run.Output, StringComparison.Ordinal);
        Assert.Contains(native, run.Output, StringComparison.Ordinal);
        Assert.Contains("ok   plugins: ", run.Output, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
