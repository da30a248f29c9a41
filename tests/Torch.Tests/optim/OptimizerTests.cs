using TorchSharp.Modules;

namespace Plumbline.Tests.optim;

public class OptimizerTests
{
    private static readonly Dictionary<string, Func<Parameter[], torch.optim.Optimizer>> Makers = new()
    {
        ["sgd"] = p => torch.optim.SGD(p, 0.05),
        ["sgd with momentum"] = p => torch.optim.SGD(p, 0.05, momentum: 0.9, dampening: 0.3),
        ["sgd with nesterov and decay"] = p => torch.optim.SGD(p, 0.05, momentum: 0.9, weight_decay: 0.1, nesterov: true),
        ["sgd upwards"] = p => torch.optim.SGD(p, 0.01, momentum: 0.5, maximize: true),
        ["adam"] = p => torch.optim.Adam(p, 0.1),
        ["adam with decay"] = p => torch.optim.Adam(p, 0.1, 0.8, 0.95, 1e-6, 0.1),
        ["adam with amsgrad"] = p => torch.optim.Adam(p, 0.1, beta2: 0.5, amsgrad: true),
        ["adam upwards"] = p => torch.optim.Adam(p, 0.1, maximize: true),
        ["adamw"] = p => torch.optim.AdamW(p, 0.1, weight_decay: 0.2),
        ["rmsprop"] = p => torch.optim.RMSProp(p, 0.05),
        ["rmsprop centred with momentum"] = p => torch.optim.RMSProp(p, 0.05, alpha: 0.9, momentum: 0.9, centered: true, weight_decay: 0.1),
    };

    public static TheoryData<string> Names => [.. ReferenceTable.Names("optimizers")];

    [Fact]
    public void Every_trajectory_of_the_table_has_an_optimiser() =>
        Assert.Equal(ReferenceTable.Names("optimizers").Order(StringComparer.Ordinal), Makers.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void An_optimiser_goes_where_PyTorch_goes(string name) => Follow(name, ScalarType.Float64, 1e-9);

    // In float32 Adam is one native pass; the path is the same to float32's rounding.
    [Theory]
    [MemberData(nameof(Names))]
    public void An_optimiser_goes_the_same_way_in_float32(string name) => Follow(name, ScalarType.Float32, 2e-5);

    [Theory]
    [MemberData(nameof(Names))]
    public void A_state_saved_and_loaded_goes_on_as_if_never_stopped(string name)
    {
        using var scope = NewDisposeScope();
        var (first, second) = Parameters(ScalarType.Float64);
        using var whole = Makers[name]([first, second]);
        for (var step = 0; step < 3; step++)
        {
            Step(whole, first, second, step);
        }

        using var stream = new MemoryStream();
        ((OptimizerHelper)whole).save_state_dict(new BinaryWriter(stream));
        var (firstAgain, secondAgain) = (new Parameter(first.detach().clone()), new Parameter(second.detach().clone()));
        using var resumed = Makers[name]([firstAgain, secondAgain]);
        foreach (var group in resumed.ParamGroups)
        {
            group.LearningRate = 123;
        }

        stream.Position = 0;
        ((OptimizerHelper)resumed).load_state_dict(new BinaryReader(stream));
        for (var step = 3; step < 5; step++)
        {
            Step(whole, first, second, step);
            Step(resumed, firstAgain, secondAgain, step);
        }

        Assert.Equal(Same.Values(first), Same.Values(firstAgain));
        Assert.Equal(Same.Values(second), Same.Values(secondAgain));
    }

    [Fact]
    public void A_state_is_taken_over_as_a_copy()
    {
        using var scope = NewDisposeScope();
        var (first, second) = Parameters(ScalarType.Float64);
        using var trained = torch.optim.Adam([first, second]);
        Step(trained, first, second, 2);
        var (otherFirst, otherSecond) = Parameters(ScalarType.Float64);
        using var other = torch.optim.Adam([otherFirst, otherSecond]);

        other.load_state_dict(trained.state_dict());

        var (mine, theirs) = ((Adam.State)other.state_dict().State[0], (Adam.State)trained.state_dict().State[0]);
        Assert.True(mine.ApproximatelyEquals(theirs));
        Assert.Equal(1, mine.step);
        mine.exp_avg.zero_();
        Assert.False(mine.ApproximatelyEquals(theirs));
    }

    [Fact]
    public void The_state_of_another_optimiser_is_refused()
    {
        var (first, second) = Parameters(ScalarType.Float64);
        using var adam = torch.optim.Adam([first, second]);
        using var sgd = torch.optim.SGD([first, second], 0.1);
        using var stream = new MemoryStream();
        adam.save_state_dict(new BinaryWriter(stream));
        stream.Position = 0;

        var refusal = Assert.Throws<InvalidDataException>(() => sgd.load_state_dict(new BinaryReader(stream)));

        Assert.Contains("Adam", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("SGD", refusal.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => sgd.load_state_dict(torch.optim.SGD([first], 0.1).state_dict()));
    }

    [Fact]
    public void Groups_have_rates_of_their_own()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (new Parameter(ones(1)), new Parameter(ones(1)));
        using var optimizer = torch.optim.SGD([new SGD.ParamGroup([first], lr: 0.5), new SGD.ParamGroup { Parameters = [second] }], 0.25);
        (first + second).sum().backward();

        optimizer.step();

        Assert.Equal(0.5f, first.item<float>());
        Assert.Equal(0.75f, second.item<float>());
        Assert.Equal([0.5, 0.25], optimizer.ParamGroups.Select(group => group.InitialLearningRate));
    }

    [Fact]
    public void A_group_added_later_trains()
    {
        using var scope = NewDisposeScope();
        var (first, second) = (new Parameter(ones(1)), new Parameter(ones(1)));
        using var optimizer = torch.optim.AdamW([first], 0.5, weight_decay: 0.1);
        optimizer.add_param_group(new AdamW.ParamGroup { Parameters = [second] });
        (first + second).sum().backward();

        optimizer.step();

        Assert.Equal(2, optimizer.parameters().Count());
        Same.Close(first, second);
    }

    [Fact]
    public void A_step_evaluates_its_closure_with_gradients_and_gives_the_loss()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(full(1, 3.0));
        using var optimizer = torch.optim.SGD([parameter], 1);
        using var still = no_grad();

        var loss = optimizer.step(() =>
        {
            var value = parameter.square().sum();
            value.backward();
            return value;
        });

        Assert.Equal(9f, loss.item<float>());
        Assert.Equal(-3f, parameter.item<float>());
    }

    [Fact]
    public void Zero_grad_forgets_the_gradients()
    {
        using var scope = NewDisposeScope();
        var parameter = new Parameter(ones(2));
        using var optimizer = torch.optim.SGD([parameter], 1);
        parameter.sum().backward();

        optimizer.zero_grad();
        optimizer.step();

        Assert.Null(parameter.grad);
        Assert.Equal([1.0, 1.0], Same.Values(parameter));
    }

    [Fact]
    public void Momentum_and_betas_can_be_set_between_steps()
    {
        var parameter = new Parameter(ones(1));
        using var sgd = torch.optim.SGD([parameter], 1, momentum: 0.5);
        using var adam = torch.optim.Adam([parameter]);

        (sgd.Momentum, adam.Betas) = (0.25, (0.1, 0.2));

        Assert.Equal(0.25, ((SGD.Options)sgd.state_dict().Options[0]).momentum);
        Assert.Equal((0.1, 0.2), (((Adam.Options)adam.state_dict().Options[0]).beta1, ((Adam.Options)adam.state_dict().Options[0]).beta2));
        Assert.Equal((0.9, 0.999), torch.optim.Adam([parameter]).Betas);
    }

    [Fact]
    public void Numbers_that_make_no_sense_are_refused()
    {
        Parameter[] parameters = [new Parameter(ones(1))];

        Assert.Throws<ArgumentException>(() => torch.optim.SGD(parameters, -1));
        Assert.Throws<ArgumentException>(() => torch.optim.SGD(parameters, 1, nesterov: true));
        Assert.Throws<ArgumentException>(() => torch.optim.Adam(parameters, beta2: 1));
        Assert.Throws<ArgumentException>(() => torch.optim.AdamW(parameters, eps: -1));
        Assert.Throws<ArgumentException>(() => torch.optim.RMSProp(parameters, alpha: -0.1));
        Assert.Throws<ArgumentException>(() => torch.optim.SGD([parameters[0], parameters[0]], 1));
    }

    private static void Follow(string name, ScalarType type, double tolerance)
    {
        using var scope = NewDisposeScope();
        var (first, second) = Parameters(type);
        using var optimizer = Makers[name]([first, second]);
        var step = 0;
        foreach (var place in ReferenceTable.Entry("optimizers", name).GetProperty("path").EnumerateArray())
        {
            Step(optimizer, first, second, step);
            var expected = ReferenceTable.Tensors(place);
            Same.Close(expected[0], first, tolerance, tolerance, $"{name}, first parameter after step {step}:");
            Same.Close(expected[1], second, tolerance, tolerance, $"{name}, second parameter after step {step}:");
            step++;
        }

        Assert.Equal(5, step);
    }

    private static (Parameter First, Parameter Second) Parameters(ScalarType type) =>
        (new Parameter(ReferenceTable.Start("first").to_type(type)), new Parameter(ReferenceTable.Start("second").to_type(type)));

    // The loss of table.py: the second parameter has no gradient in the first two steps.
    private static void Step(torch.optim.Optimizer optimizer, Parameter first, Parameter second, int step)
    {
        using var scope = NewDisposeScope();
        optimizer.zero_grad();
        var loss = ((first - ReferenceTable.Start("goal").to_type(first.dtype)).square() * ReferenceTable.Start("scale").to_type(first.dtype)).sum();
        if (step >= 2)
        {
            loss += second.pow(4).sum();
        }

        loss.backward();
        optimizer.step();
    }
}
