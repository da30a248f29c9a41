using Plumbline.Host.Claims;

namespace Plumbline.Tests.Host.Claims;

public sealed class MeasurementsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public MeasurementsTests()
    {
        _folder.Write("evaluations.jsonl", """
            {"after": "start", "stage_index": -1, "reward": 0.5}
            {"after": "sft", "stage_index": 0, "reward": 1.5}
            {"after": "dpo", "stage_index": 1, "reward": 2.5, "gone": null}

            """);
        _folder.Write("metrics.jsonl", """
            {"stage": "sft", "stage_index": 0, "step": 0, "loss": 8}
            {"stage": "sft", "stage_index": 0, "step": 1, "loss": 6, "grad": 2}
            {"stage": "dpo", "stage_index": 1, "step": 0, "loss": 4}
            {"stage": "dpo", "stage_index": 1, "step": 1, "loss": 1, "odd": null}
            {"stage": "dpo", "stage_index": 1, "step": 2, "loss": 2}

            """);
        _folder.Write("timings.jsonl", """
            {"stage": "sft", "step": 0, "seconds": 0.5, "tokens": 10}
            {"stage": "dpo", "step": 0, "seconds": 0.25, "tokens": 10}

            """);
    }

    [Theory]
    [InlineData("reward", 2.5)]
    [InlineData("reward@start", 0.5)]
    [InlineData("reward@sft", 1.5)]
    [InlineData("metrics.loss.first", 8)]
    [InlineData("metrics.loss.last", 2)]
    [InlineData("metrics.loss.last.2", 1.5)]
    [InlineData("metrics.loss.last.2@sft", 7)]
    [InlineData("metrics.loss.mean", 4.2)]
    [InlineData("metrics.loss.median", 4)]
    [InlineData("metrics.loss.median@sft", 7)]
    [InlineData("metrics.loss.min@dpo", 1)]
    [InlineData("metrics.loss.max", 8)]
    [InlineData("metrics.loss.at.1", 1)]
    [InlineData("metrics.loss.at.1@sft", 6)]
    [InlineData("metrics.grad.mean", 2)]
    [InlineData("timings.seconds.max", 0.5)]
    [InlineData("timings.seconds.at.0@sft", 0.5)]
    public void A_name_stands_for_what_the_run_left(string name, double expected) =>
        Assert.Equal(expected, Measurements.Read(_folder.Path).Of(MeasuredName.Parse("a." + name)), 12);

    [Theory]
    [InlineData("rewart", "nothing named 'rewart' was measured after 'dpo'; did you mean 'reward'?")]
    [InlineData("stage_index", "nothing named 'stage_index'")]
    [InlineData("reward@dpi", "nothing was evaluated after 'dpi'; did you mean 'dpo'?")]
    [InlineData("gone", "'gone' was no finite number after 'dpo'")]
    [InlineData("metrics.los.last", "nothing named 'los' was measured at step 2; did you mean 'loss'?")]
    [InlineData("metrics.odd.mean", "'odd' was no finite number at step 1")]
    [InlineData("metrics.loss.last@sfd", "no step was done in a stage 'sfd'; did you mean 'sft'?")]
    [InlineData("metrics.loss.at.3", "step 3 was not done; the last one is 2")]
    public void What_was_not_measured_is_told_with_the_nearest_name(string name, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<PlumblineException>(() => Measurements.Read(_folder.Path).Of(MeasuredName.Parse("a." + name))).Message, StringComparison.Ordinal);

    [Fact]
    public void A_run_without_evaluations_says_so()
    {
        File.Delete(_folder.At("evaluations.jsonl"));
        Assert.Contains("the run evaluated nothing", Assert.ThrowsAny<PlumblineException>(() => Measurements.Read(_folder.Path).Of(MeasuredName.Parse("a.reward"))).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
