using Plumbline.Training.Diffusion;
using Plumbline.Training.Models;

namespace Plumbline.Training;

/// <summary>Options of the loop <c>lora</c>.</summary>
public sealed record LoraStageOptions : StageOptions
{
    /// <summary>Rank of the change of each weight.</summary>
    [Positive]
    public int Rank { get; init; } = 4;

    /// <summary>The change is scaled by alpha/rank; null: alpha is the rank.</summary>
    [Positive]
    public double? Alpha { get; init; }
}

/// <summary>Gives the policy low-rank adapters (LoRA, arXiv 2106.09685): the weights stay as they are, and the stages after train the adapters alone. It trains nothing itself.</summary>
/// <remarks>A reference taken from then on is the same network with the adapters as they were, so that it needs hardly any memory of its own.</remarks>
[Loop(Loop.Lora)]
public sealed class LoraStage(LoraStageOptions options, StageContext stage) : ILoop
{
    /// <inheritdoc/>
    public void Run(CancellationToken cancel)
    {
        var model = stage.Run.Models.Get<IModel>("policy") as IAdaptableModel
            ?? throw new PlumblineException("the run's model takes no low-rank adapters; take the stage 'lora' out, or use a model that takes them, such as dit or denoising-mlp");
        stage.Recorder.Begin(1);
        model.Adapt(new LowRankAdapterOptions { Rank = options.Rank, Alpha = options.Alpha }, stage.Draws.Key("lora"));
        stage.Recorder.Step(0, new Dictionary<string, double> { ["trained_parameters"] = model.Network.parameters().Where(parameter => parameter.requires_grad).Sum(parameter => parameter.numel()) }, tokens: 0);
    }
}
