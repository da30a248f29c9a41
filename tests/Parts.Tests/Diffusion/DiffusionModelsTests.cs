using Plumbline.Training;
using Plumbline.Training.Diffusion;
using Plumbline.Training.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

/// <summary>What holds of every diffusion model.</summary>
public sealed class DiffusionModelsTests
{
    public static TheoryData<string> Models => ["mlp", "unet", "dit"];

    /// <summary>Those that take adapters.</summary>
    public static TheoryData<string> Adaptable => ["mlp", "dit"];

    [Theory]
    [MemberData(nameof(Models))]
    public void A_prediction_has_the_samples_shape_and_its_rows_are_independent(string model)
    {
        using var painter = new Painter(model, dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        var noisy = Noise(5);
        var (time, classes) = (tensor(new[] { 0, 0.2, 0.4, 0.8, 1 }), tensor(new long[] { 0, 1, 2, 3, 0 }));
        var all = painter.Policy.Predict(noisy, time, classes);
        Assert.Equal(noisy.shape, all.shape);
        var one = painter.Policy.Predict(noisy.narrow(0, 3, 1), time.narrow(0, 3, 1), classes.narrow(0, 3, 1));
        Assert.InRange(Painter.Gap(all.narrow(0, 3, 1), one), 0, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Time_class_and_every_pixel_count(string model)
    {
        using var painter = new Painter(model, dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        // A DiT's gates are shut at first.
        painter.Learn(3);
        var (noisy, time, classes) = (Noise(1).requires_grad_(), tensor(new[] { 0.5 }), tensor(new long[] { 1 }));
        var before = painter.Policy.Predict(noisy, time, classes);
        Assert.True(Painter.Gap(before, painter.Policy.Predict(noisy, tensor(new[] { 0.51 }), classes)) > 1e-6);
        Assert.True(Painter.Gap(before, painter.Policy.Predict(noisy, time, tensor(new long[] { 2 }))) > 1e-6);
        Assert.Equal(64, autograd.grad([before.square().sum()], [noisy])[0]!.count_nonzero().ToInt64());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void No_condition_is_a_class_of_its_own_for_all_rows_or_for_some(string model)
    {
        using var painter = new Painter(model, dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        painter.Learn(3);
        var (noisy, time, classes) = (Noise(3), full(3, 0.5, ScalarType.Float64), tensor(new long[] { 1, 2, 3 }));
        var (with, without) = (painter.Policy.Predict(noisy, time, classes), painter.Policy.Predict(noisy, time, null));
        var mixed = painter.Policy.Predict(noisy, time, classes, tensor(new[] { true, false, true }));
        Assert.InRange(Painter.Gap(mixed[0], without[0]), 0, 1e-12);
        Assert.InRange(Painter.Gap(mixed[1], with[1]), 0, 1e-12);
        Assert.True(Painter.Gap(with, without) > 1e-6);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_model_without_classes_takes_no_condition(string model)
    {
        using var painter = new Painter(model, classes: 0);
        using var scope = NewDisposeScope();
        painter.Learn(1);
        Assert.Equal([4, 1, 8, 8], painter.Says().shape);
        Assert.Throws<PlumblineException>(() => painter.Policy.Predict(Noise(1).to_type(ScalarType.Float32), tensor(new[] { 0.5 }), tensor(new long[] { 0 })));
        Assert.Throws<PlumblineException>(() => new Denoiser(painter.Policy, guidanceScale: 2));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void What_does_not_fit_is_refused(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        var one = tensor(new[] { 0.5 });
        Assert.Throws<PlumblineException>(() => painter.Policy.Predict(zeros(1, 1, 8, 7), one, null));
        Assert.Throws<PlumblineException>(() => painter.Policy.Predict(zeros(2, 1, 8, 8), one, null));
        Assert.Throws<PlumblineException>(() => painter.Policy.Predict(zeros(1, 1, 8, 8), one, one));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void First_weights_depend_on_the_seed_and_a_saved_file_brings_others(string model)
    {
        using var painter = new Painter(model);
        using var other = new Painter(model, seed: 8);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        var path = Path.Combine(Directory.CreateDirectory(painter.Run.Folder).FullName, "weights.safetensors");
        SafeTensors.Save(path, painter.Policy.Network.state_dict());
        using var again = new Painter(model);
        other.Learn(2);
        Assert.True(Painter.Gap(painter.Says(), other.Says()) > 1e-6);
        Assert.True(Painter.Gap(painter.Says(), again.Says()) > 1e-6);
        using var loaded = Painter.New(model, painter.Run, weights: path);
        Assert.Equal(0, Painter.Gap(painter.Says(), painter.Says(loaded)));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_frozen_copy_stays_as_it_was_and_outlives_the_model(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        var copy = (IDiffusionModel)painter.Policy.Freeze();
        var then = painter.Says();
        painter.Learn(2);
        Assert.True(Painter.Gap(then, painter.Says()) > 1e-6);
        Assert.Equal(0, Painter.Gap(then, painter.Says(copy)));
        Assert.False(copy.Predict(Noise(1).to_type(ScalarType.Float32), tensor(new[] { 0.5 }), null).requires_grad);
        copy.Dispose();
        Assert.NotEqual(0, painter.Says().numel());
    }

    [Theory]
    [MemberData(nameof(Adaptable))]
    public void New_adapters_change_nothing_and_then_they_alone_train(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        var before = painter.Says();
        var names = painter.Policy.Network.state_dict().Keys.ToHashSet();
        Adapt(painter);
        Assert.Equal(0, Painter.Gap(before, painter.Says()));
        var weights = painter.Policy.Network.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.detach().clone());
        Assert.All(weights.Keys.Except(names), name => Assert.StartsWith("lora.", name, StringComparison.Ordinal));
        painter.Learn(3);
        Assert.True(Painter.Gap(before, painter.Says()) > 1e-6);
        foreach (var (name, value) in painter.Policy.Network.state_dict())
        {
            Assert.Equal(name.StartsWith("lora.", StringComparison.Ordinal), Painter.Gap(weights[name], value) > 0);
        }
    }

    [Theory]
    [MemberData(nameof(Adaptable))]
    public void The_reference_of_an_adapted_model_shares_its_weights_and_keeps_the_adapters_as_they_were(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        Adapt(painter);
        var off = (IDiffusionModel)painter.Policy.Freeze();
        Assert.Empty(off.Network.parameters());
        var start = painter.Says();
        painter.Learn(2);
        var middle = (IDiffusionModel)painter.Policy.Freeze();
        Assert.All(middle.Network.parameters(), parameter => Assert.False(parameter.requires_grad));
        var later = painter.Says();
        painter.Learn(2);
        Assert.Equal(0, Painter.Gap(start, painter.Says(off)));
        Assert.Equal(0, Painter.Gap(later, painter.Says(middle)));
        Assert.True(Painter.Gap(later, painter.Says()) > 1e-6);
        using var again = (IDiffusionModel)middle.Freeze();
        Assert.Equal(0, Painter.Gap(later, painter.Says(again)));
        middle.Dispose();
        off.Dispose();
        Assert.Equal(0, Painter.Gap(later, painter.Says(again)));
    }

    [Theory]
    [MemberData(nameof(Adaptable))]
    public void Merged_adapters_leave_the_function_as_it_is(string model)
    {
        using var painter = new Painter(model, dtype: ScalarType.Float64);
        using var scope = NewDisposeScope();
        Adapt(painter);
        painter.Learn(3);
        var before = painter.Says();
        using (painter.Policy.Freeze())
        {
            Assert.Throws<PlumblineException>(painter.Policy.Merge);
        }

        painter.Policy.Merge();
        Assert.InRange(Painter.Gap(before, painter.Says()), 0, 1e-12);
        // With the adapters off it is the same: all is in the weights.
        using var off = (IDiffusionModel)painter.Policy.Freeze();
        Assert.Empty(off.Network.parameters());
        Assert.InRange(Painter.Gap(before, painter.Says(off)), 0, 1e-12);
    }

    [Theory]
    [MemberData(nameof(Adaptable))]
    public void A_model_with_adapters_can_begin_from_the_weights_of_one_without(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        painter.Learn(2);
        var path = Path.Combine(Directory.CreateDirectory(painter.Run.Folder).FullName, "weights.safetensors");
        SafeTensors.Save(path, painter.Policy.Network.state_dict());
        using var adapted = Painter.New(model, painter.Run, lora: new LowRankAdapterOptions { Rank = 2 }, weights: path);
        Assert.True(adapted.IsAdapted);
        Assert.Equal(0, Painter.Gap(painter.Says(), painter.Says(adapted)));
    }

    [Theory]
    [MemberData(nameof(Adaptable))]
    public void A_model_with_adapters_is_saved_and_read_again(string model)
    {
        using var painter = new Painter(model);
        using var scope = NewDisposeScope();
        Adapt(painter);
        painter.Learn(2);
        var path = Path.Combine(Directory.CreateDirectory(painter.Run.Folder).FullName, "weights.safetensors");
        SafeTensors.Save(path, painter.Policy.Network.state_dict());
        using var again = Painter.New(model, painter.Run, lora: new LowRankAdapterOptions { Rank = 2 }, weights: path);
        Assert.Equal(0, Painter.Gap(painter.Says(), painter.Says(again)));
        var refused = Assert.Throws<PlumblineException>(() => Painter.New(model, painter.Run, weights: path));
        Assert.Contains("left over lora.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Adapters_are_refused_twice_and_where_no_layer_takes_them()
    {
        using var painter = new Painter("mlp");
        Adapt(painter);
        Assert.Contains("already", Assert.Throws<PlumblineException>(() => Adapt(painter)).Message, StringComparison.Ordinal);
        using var convolutional = new Painter("unet");
        Assert.Throws<PlumblineException>(() => Adapt(convolutional));
        Assert.Throws<PlumblineException>(convolutional.Policy.Merge);
    }

    [Fact]
    public void The_estimate_counts_the_parameters_there_are()
    {
        var run = Tiny.NewRun(1);
        using var mlp = new Plumbline.Plugins.DenoisingMlp.DenoisingMlp(new(), run);
        Assert.Equal(57_952, mlp.Network.parameters().Sum(parameter => parameter.numel()));
        Assert.Equal(57_952, new Plumbline.Plugins.DenoisingMlp.DenoisingMlpOptions().Estimate(new Tiny.NoServices()).Parameters);
        using var dit = new Plumbline.Plugins.Dit.Dit(new(), run);
        Assert.InRange(new Plumbline.Plugins.Dit.DitOptions().Estimate(new Tiny.NoServices()).Parameters / (double)dit.Network.parameters().Sum(parameter => parameter.numel()), 0.95, 1.05);
        using var unet = new Plumbline.Plugins.UNet.UNet(new(), run);
        Assert.InRange(new Plumbline.Plugins.UNet.UNetOptions().Estimate(new Tiny.NoServices()).Parameters / (double)unet.Network.parameters().Sum(parameter => parameter.numel()), 0.9, 1.1);
    }

    private static void Adapt(Painter painter) => new LoraStage(new LoraStageOptions { Rank = 2 }, painter.Stage).Run(CancellationToken.None);

    private static Tensor Noise(int rows) => NormalNoise.Of([.. Enumerable.Range(0, rows).Select(row => new Draws(9).Key(row))], [1, 8, 8], ScalarType.Float64);
}
