using System.Text.Json.Nodes;
using Plumbline.Plugins.LikelihoodOverOptimisation;
using Plumbline.Plugins.Table;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class LikelihoodMonitorTests
{
    private const int Steps = 8;

    [Theory]
    [InlineData(StopAction.Report, Steps)]
    [InlineData(StopAction.Stop, 5)]
    [InlineData(StopAction.StopAndRestore, 5)]
    public void Falling_entropy_is_reported_or_stops_or_stops_and_restores(StopAction action, int expected)
    {
        using var stage = new ToyStage();
        var (table, weights) = Sharpen(stage, action, out var done);
        Assert.Equal(expected, done);
        Assert.Equal("likelihood-over-optimisation", Assert.Single(stage.Recorder.Diagnoses).Name);
        // Flat for three steps, then sharper: alarms after steps 4 and 5, so what was there after step 3 is kept.
        var kept = action == StopAction.StopAndRestore ? weights[3] : weights[done];
        Assert.Equal(kept, table.Values.detach().data<double>().ToArray());
        var file = JsonNode.Parse(File.ReadAllText(Path.Combine(stage.Run.Folder, "stage.monitor.json")))!;
        Assert.Equal((5, 3, 3), ((int)file["stop_index"]!, (int)file["keep_index"]!, (int)file["keep_step"]!));
        Assert.Equal(done + 1, file["series"]!["topk_entropy"]!.AsArray().Count);
        Assert.Equal(Math.Log(4), (double)file["series"]!["topk_entropy"]![0]!, 6);
    }

    [Fact]
    public void Measurements_are_the_metrics_of_their_step_alone()
    {
        using var stage = new ToyStage();
        stage.Run.Models.Set("policy", New(stage));
        using var monitor = Monitor(stage, StopAction.Report, every: 2);
        monitor.OnBegin(4, stage.Recorder);
        Assert.Empty(monitor.Measure(0));
        var measured = monitor.Measure(1);
        Assert.Equal(Math.Log(4), measured["likelihood-overopt/topk_entropy"], 6);
        Assert.Equal(0.5, measured["likelihood-overopt/topk_mass"], 6);
        Assert.Equal(2 * Math.Log(0.125), measured["likelihood-overopt/better_likelihood"], 6);
        Assert.Equal(0, measured["likelihood-overopt/likelihood_gap"], 6);
    }

    private static (Table Table, List<double[]> Weights) Sharpen(ToyStage stage, StopAction action, out int done)
    {
        var table = New(stage);
        stage.Run.Models.Set("policy", table);
        var weights = new List<double[]> { table.Values.detach().data<double>().ToArray() };
        using var monitor = Monitor(stage, action, every: 1);
        monitor.OnBegin(Steps, stage.Recorder);
        for (done = 0; done < Steps;)
        {
            using (no_grad())
            {
                if (done >= 3)
                {
                    table.Values.narrow(2, 0, 1).add_(2);
                }
            }

            weights.Add(table.Values.detach().data<double>().ToArray());
            _ = monitor.Measure(done);
            if (!monitor.OnStep(done++, new Dictionary<string, double>(), stage.Recorder))
            {
                break;
            }
        }

        return (table, weights);
    }

    private static Table New(ToyStage stage) => new(new TableOptions { Prompts = 2, Positions = 2, Tokenizer = ToyStage.Numbers(8) }, stage.Run, ToyStage.Services);

    private static LikelihoodMonitor Monitor(ToyStage stage, StopAction action, int every) => new(
        new LikelihoodMonitorOptions
        {
            Data = ToyStage.Data(new JsonObject { ["prompt"] = "0", ["chosen"] = "1 2", ["rejected"] = "3 4" }, new JsonObject { ["prompt"] = "1", ["chosen"] = "5 2", ["rejected"] = "3 7" }),
            Sampler = ToyStage.Sampler(2),
            TopK = 4,
            EvaluateEvery = every,
            Action = action,
        },
        stage.Stage);
}
