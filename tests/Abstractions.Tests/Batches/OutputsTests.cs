using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class OutputsTests
{
    [Fact]
    public void An_absent_output_is_named_together_with_those_there_are()
    {
        var outputs = new Outputs { ["advantages"] = 1.0, ["returns"] = 2.0 };
        Assert.Contains("'advantage'; there are advantages, returns", Assert.Throws<KeyNotFoundException>(() => outputs["advantage"]).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_number_asked_for_as_a_tensor_is_called_no_tensor() =>
        Assert.Contains("is no tensor", Assert.Throws<KeyNotFoundException>(() => new Outputs { ["mean_kl"] = 1.0 }.Tensor("mean_kl")).Message, StringComparison.Ordinal);

    [Fact]
    public void Outputs_are_listed_in_the_order_they_were_given()
    {
        using var scope = NewDisposeScope();
        var loss = new Loss(ones([])) { ["z"] = 1.0, ["a"] = 2.0 };
        Assert.Equal(["z", "a"], loss.Select(pair => pair.Key));
        Assert.True(loss.Has("a"));
        Assert.Equal(1, loss.Value.ToDouble());
    }
}
