using TorchSharp.Modules;
using static TorchSharp.torch.nn;

namespace Plumbline.Tests.nn;

public class ModuleTests
{
    [Fact]
    public void Fields_are_registered_by_their_names_in_order()
    {
        using var network = new Network();

        Assert.Equal(["scale", "first.weight", "first.bias", "second.weight"], network.named_parameters().Select(pair => pair.name));
        Assert.Equal(["scale"], network.named_parameters(recurse: false).Select(pair => pair.name));
        Assert.Equal(["count"], network.named_buffers().Select(pair => pair.name));
        Assert.Equal(["first", "second"], network.named_children().Select(pair => pair.name));
        Assert.True(network.has_parameter("first.bias") && !network.has_parameter("bias") && network.has_buffer("count"));
        Assert.Same(network.First.weight, network.get_parameter("first.weight"));
        Assert.Null(network.get_parameter("other"));
        Assert.Null(network.get_buffer("other"));
        Assert.Equal("Network", network.GetName());
    }

    [Fact]
    public void Modules_are_listed_by_level_and_without_the_module_itself()
    {
        using var inner = Sequential(Linear(1, 1), ReLU());
        using var outer = Sequential(("a", inner), ("b", Identity()));

        Assert.Equal(["a", "b", "a.0", "a.1"], outer.named_modules().Select(pair => pair.name));
        Assert.Equal(4, outer.modules().Count());
        Assert.DoesNotContain(outer, outer.modules());
        Assert.Equal(2, outer.children().Count());
    }

    [Fact]
    public void A_state_goes_from_one_module_to_another()
    {
        using var scope = NewDisposeScope();
        using var one = new Network();
        using var other = new Network();
        var state = one.state_dict();

        var (missing, unexpected) = other.load_state_dict(state);

        Assert.Empty(missing.Concat(unexpected));
        Assert.Equal(["scale", "count", "first.weight", "first.bias", "second.weight"], state.Keys);
        var x = rand(3, 4);
        Assert.Equal(Same.Values(one.call(x)), Same.Values(other.call(x)));
        one.First.weight.sum().backward();
        Assert.Null(other.First.weight.grad);
    }

    [Fact]
    public void A_state_that_does_not_fit_is_refused_by_name_unless_told_otherwise()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        var state = network.state_dict();
        state.Remove("scale");
        state["extra"] = zeros(1);

        var refusal = Assert.Throws<InvalidOperationException>(() => network.load_state_dict(state));
        Assert.Contains("missing [scale], left over [extra]", refusal.Message, StringComparison.Ordinal);

        var (missing, unexpected) = network.load_state_dict(state, strict: false);
        Assert.Equal(["scale"], missing);
        Assert.Equal(["extra"], unexpected);
        Assert.Empty(network.load_state_dict(state, skip: ["scale", "extra"]).missing_keys);
        Assert.ThrowsAny<Exception>(() => network.load_state_dict(new() { ["scale"] = zeros(7) }, strict: false));
    }

    [Fact]
    public void A_buffer_that_does_not_persist_is_no_part_of_the_state()
    {
        using var module = new Bare();
        module.register_buffer("kept", zeros(1));
        module.register_buffer("passing", zeros(2), persistent: false);

        Assert.Equal(["kept"], module.state_dict().Keys);
        Assert.Equal(["kept", "passing"], module.named_buffers().Select(pair => pair.name));
        Assert.Equal(["kept"], module.named_buffers(include_nonpersistent: false).Select(pair => pair.name));
        Assert.Equal(2, module.buffers().Count());
        Assert.Equal(["at.kept"], module.state_dict(prefix: "at").Keys);
    }

    [Fact]
    public void A_shared_parameter_is_listed_once_and_has_all_its_names_in_the_state()
    {
        using var module = new Bare();
        using var part = Linear(2, 2, hasBias: false);
        module.register_module("part", part);
        module.register_parameter("tied", part.weight);

        Assert.Equal(["tied"], module.named_parameters().Select(pair => pair.name));
        Assert.Single(module.parameters());
        Assert.Equal(["tied", "part.weight"], module.state_dict().Keys);
    }

    [Fact]
    public void A_name_that_is_taken_is_refused()
    {
        using var module = new Bare();
        module.register_parameter("a", new Parameter(zeros(1)));
        module.register_buffer("b", zeros(1));
        module.add_module("c", Identity());

        Assert.Contains("'a'", Assert.Throws<InvalidOperationException>(() => module.register_parameter("a", new Parameter(zeros(1)))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => module.register_buffer("b", zeros(1)));
        Assert.Throws<InvalidOperationException>(() => module.register_module("c", Identity()));
        Assert.Throws<ArgumentNullException>(() => module.register_parameter("d", null!));
    }

    [Fact]
    public void Training_and_evaluation_reach_every_part()
    {
        using var network = new Network();
        Assert.True(network.training && network.First.training);

        network.eval();
        Assert.False(network.training || network.First.training);

        network.train();
        Assert.True(network.training && network.First.training);
    }

    [Fact]
    public void A_change_of_type_keeps_the_objects_and_leaves_whole_numbers_alone()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        var weight = network.First.weight;
        using var optimizer = torch.optim.SGD(network.parameters(), 0.1);

        Assert.Same(network, network.to(ScalarType.Float64));

        Assert.Same(weight, network.First.weight);
        Assert.Equal(ScalarType.Float64, weight.dtype);
        Assert.True(weight.requires_grad && weight.is_leaf);
        Assert.Equal(ScalarType.Int64, network.get_buffer("count")!.dtype);
        network.call(rand([3, 4], dtype: ScalarType.Float64)).sum().backward();
        var before = weight.detach().clone();
        optimizer.step();
        Assert.False(before.allclose(weight));
        Assert.Equal(ScalarType.Float32, network.to(zeros(1)).First.weight.dtype);
        Assert.Equal(ScalarType.BFloat16, network.to(CPU, ScalarType.BFloat16).First.weight.dtype);
        Assert.Equal("cpu", network.to("cpu").to(DeviceType.CPU).to(CPU).First.weight.device.ToString());
    }

    [Fact]
    public void Zero_grad_forgets_or_zeroes()
    {
        using var scope = NewDisposeScope();
        using var network = new Network();
        network.call(rand(3, 4)).sum().backward();

        network.zero_grad(set_to_none: false);
        Assert.All(network.parameters(), parameter => Assert.Equal(0, parameter.grad!.abs().sum().ToDouble()));

        network.zero_grad();
        Assert.All(network.parameters(), parameter => Assert.Null(parameter.grad));
    }

    [Fact]
    public void Apply_comes_to_the_parts_before_the_whole()
    {
        using var network = new Network();
        var met = new List<string>();

        Assert.Same(network, network.apply(module => met.Add(module.GetName())));

        Assert.Equal(["Linear", "Linear", "Network"], met);
    }

    [Fact]
    public void Parameters_outlive_the_scope_they_were_made_in()
    {
        Network network;
        using (NewDisposeScope())
        {
            network = new Network();
        }

        Assert.All(network.state_dict().Values, tensor => Assert.False(tensor.IsInvalid));
        network.Dispose();
        Assert.True(network.First.weight.IsInvalid);
    }

    [Fact]
    public void A_parameter_trains_and_shares_the_memory_it_was_made_from()
    {
        using var scope = NewDisposeScope();
        var (trained, frozen) = (Parameter(zeros(2)), new Parameter(zeros(2), requires_grad: false));

        Assert.True(trained.requires_grad && trained.is_leaf && !frozen.requires_grad);
        Assert.True(new Parameter(ones(2, requires_grad: true) * 2).is_leaf);
    }

    [Fact]
    public void Modules_of_two_and_three_inputs_are_called_alike()
    {
        using var scope = NewDisposeScope();
        using var two = new Sum2();
        using var three = new Sum3();

        Assert.Equal(3, two.call(tensor(1L), tensor(2L)).item<long>());
        Assert.Equal(6, three.call(tensor(1L), tensor(2L), tensor(3L)).item<long>());
    }

    private sealed class Bare() : Module("Bare");

    private sealed class Sum2() : Module<Tensor, Tensor, Tensor>("Sum2")
    {
        public override Tensor forward(Tensor input1, Tensor input2) => input1 + input2;
    }

    private sealed class Sum3() : Module<Tensor, Tensor, Tensor, Tensor>("Sum3")
    {
        public override Tensor forward(Tensor input1, Tensor input2, Tensor input3) => input1 + input2 + input3;
    }

    private sealed class Network : Module<Tensor, Tensor>
    {
        private readonly Parameter scale = new(ones(1));
        private readonly Linear first = Linear(4, 3);
        private readonly Linear second = Linear(3, 2, hasBias: false);
        private readonly Tensor count = tensor(0L);

        public Network()
            : base(nameof(Network)) => RegisterComponents();

        public Linear First => first;

        public override Tensor forward(Tensor input) => second.call(first.call(input).tanh()) * scale;
    }
}
