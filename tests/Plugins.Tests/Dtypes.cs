using Plumbline.Training.Verification;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

/// <summary>An objective computes in the dtype of its inputs.</summary>
public sealed class Dtypes
{
    [Theory]
    [InlineData("dpo")]
    [InlineData("simpo")]
    [InlineData("f-dpo")]
    [InlineData("rdpo")]
    [InlineData("grpo")]
    [InlineData("ppo")]
    [InlineData("sft")]
    public void A_loss_has_the_dtype_of_its_inputs(string id)
    {
        using var scope = NewDisposeScope();
        var random = new Random(5);
        var mask = random.Mask(3, 4);
        string[] names = ["logps", "old_logps", "reference_logps", "values", "old_values", "returns", "entropies", "policy_chosen_logps", "policy_rejected_logps", "reference_chosen_logps", "reference_rejected_logps"];
        var inputs = names.Select(name => KeyValuePair.Create(name, (object)random.Logps(mask).to_type(ScalarType.Float32)))
            .Concat(new[] { "mask", "chosen_mask", "rejected_mask", "advantages" }.Select(name => KeyValuePair.Create(name, (object)mask.to_type(ScalarType.Float32))));
        var part = new LoadedParts(ReferenceVectors.Plugins).Find(Kinds.Objective, id)!;
        var objective = (IObjective)Activator.CreateInstance(part.Type, part.OptionsType is null ? [] : [Activator.CreateInstance(part.OptionsType)])!;
        var view = part.Type.BaseType!.BaseType!.GetGenericArguments()[0];
        var loss = objective.Compute((Batch)Activator.CreateInstance(view, inputs)!);
        Assert.Equal(ScalarType.Float32, loss.Value.dtype);
        Assert.All(loss.Select(pair => pair.Value).OfType<Tensor>(), metric => Assert.Equal(ScalarType.Float32, metric.dtype));
    }
}
