using Plumbline.Plugins.Points;
using Plumbline.Tests.Plugins.Runs;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

/// <summary>Diffusion of something that is no image.</summary>
public sealed class PointsTests
{
    [Fact]
    public void True_figures_fit_what_they_are_and_not_what_they_are_not()
    {
        using var scope = NewDisposeScope();
        using var data = new Points(new PointsOptions { Count = 64 }).Load(new RunContext { Name = "t", Folder = ".", BaseFolder = ".", Seed = 1, Device = CPU, Dtype = ScalarType.Float64 });
        var (clean, condition) = (data.Column("clean"), data.Column("condition"));
        Assert.Equal([64L, 16, 2], clean.shape);
        var context = new RewardContext(0, 1, new Draws(1));
        Assert.All(new PointFit().Score(clean, condition, context).Values, fit => Assert.InRange(fit, -0.05, 0));
        Assert.All(new PointFit().Score(clean, 1 - condition, context).Values, fit => Assert.InRange(fit, -1, -0.05));
    }

    [Fact]
    public void The_loops_of_diffusion_take_a_cloud_as_they_take_an_image()
    {
        var model = """{ "use": "denoising-mlp", "sample_shape": [16, 2], "classes": 2, "width": 32, "process": { "num_train_timesteps": 20 } }""";
        foreach (var stage in new[]
        {
            """{ "use": "denoising", "data": { "use": "point-figures", "count": 64 }, "steps": 200, "batch_size": 32, "optimizer": "adam", "learning_rate": 0.005 }""",
            """{ "use": "ddpo", "conditions": { "use": "point-figures", "count": 64 }, "rewards": ["point-fit"], "sampler": { "num_inference_steps": 4 }, "conditions_per_step": 8, "sample_every": 0, "steps": 2 }""",
        })
        {
            var told = StageRun.Run(System.Text.Json.Nodes.JsonNode.Parse(stage)!.AsObject(), model: System.Text.Json.Nodes.JsonNode.Parse(model)!.AsObject());
            Assert.All(told.Steps, step => Assert.True(double.IsFinite(step["loss"])));
            Assert.True(told.Steps.Count < 100 || told.Steps.TakeLast(20).Average(step => step["loss"]) < 0.8 * told.Steps.Take(5).Average(step => step["loss"]));
        }
    }
}
