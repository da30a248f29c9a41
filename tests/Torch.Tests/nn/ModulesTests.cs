using TorchSharp.Modules;
using static TorchSharp.torch.nn;
using F = TorchSharp.torch.nn.functional;

namespace Plumbline.Tests.nn;

public class ModulesTests
{
    private static readonly Dictionary<string, (Func<Module<Tensor, Tensor>> Make, long[] Input)> Modules = new()
    {
        ["linear"] = (() => Linear(3, 2), [4, 3]),
        ["linear without bias"] = (() => Linear(3, 2, hasBias: false), [2, 4, 3]),
        ["layer norm"] = (() => LayerNorm(3), [2, 4, 3]),
        ["layer norm without bias"] = (() => LayerNorm([4, 3], bias: false), [2, 4, 3]),
        ["layer norm without weights"] = (() => LayerNorm(3, elementwise_affine: false), [2, 3]),
        ["group norm"] = (() => GroupNorm(2, 4), [2, 4, 3, 3]),
        ["convolution"] = (() => Conv2d(2, 4, 3, stride: 2, padding: 1, groups: 2), [1, 2, 5, 5]),
        ["convolution of a rectangle"] = (() => Conv2d(1, 2, (2, 3), stride: (1, 2), padding: (0, 1), bias: false), [1, 1, 4, 5]),
        ["convolution with reflected borders"] = (() => Conv2d(1, 1, 3, padding: 1, padding_mode: PaddingModes.Reflect), [1, 1, 4, 4]),
        ["convolution with repeated borders"] = (() => Conv2d(1, 1, 3, padding: 1, padding_mode: PaddingModes.Replicate), [1, 1, 4, 4]),
        ["row of modules"] = (() => Sequential(Linear(3, 4), GELU(), Linear(4, 2), SiLU(), Tanh(), Sigmoid(), Softmax(-1)), [2, 3]),
        ["flatten"] = (() => Flatten(), [2, 2, 2]),
        ["identity"] = (() => Identity(), [3]),
        ["relu"] = (() => ReLU(), [2, 3]),
    };

    public static TheoryData<string> Names => [.. Modules.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_gradient_of_a_module_by_input_and_parameters_is_its_slope(string name)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        using var module = Modules[name].Make().to(ScalarType.Float64);
        var x = (randn(Modules[name].Input, dtype: ScalarType.Float64) + 0.01).requires_grad_();

        Differences.CheckLeaves(() => [module.call(x)], [x, .. module.parameters()]);
    }

    [Fact]
    public void A_linear_layer_starts_within_its_bound_and_adds_its_bias()
    {
        using var scope = NewDisposeScope();
        using var linear = Linear(100, 50);

        Assert.Equal([50L, 100L], linear.weight.shape);
        Assert.Equal([50L], linear.bias!.shape);
        Assert.InRange(linear.weight.abs().max().ToDouble(), 0.09, 0.1);
        Assert.Null(Linear(2, 2, hasBias: false).bias);
        Assert.Equal(ScalarType.Float64, Linear(2, 2, dtype: ScalarType.Float64).weight.dtype);
        var x = rand(3, 100);
        Same.Close(x.matmul(linear.weight.t()) + linear.bias, linear.call(x), 1e-5, 1e-5);
    }

    [Fact]
    public void A_weight_can_be_put_in_the_place_of_another()
    {
        using var scope = NewDisposeScope();
        using var embedding = Embedding(5, 3);
        using var head = Linear(3, 5);
        var before = head.weight;

        (head.weight, head.bias) = (embedding.weight, null);

        Assert.True(before.IsInvalid);
        Assert.Equal(["weight"], head.named_parameters().Select(pair => pair.name));
        Assert.Same(embedding.weight, head.get_parameter("weight"));
        Assert.Equal([2L, 5L], head.call(rand(2, 3)).shape);
        head.bias = new Parameter(ones(5));
        Assert.Equal(["weight", "bias"], head.state_dict().Keys);
    }

    [Fact]
    public void An_embedding_looks_rows_up_and_sums_their_gradients()
    {
        using var scope = NewDisposeScope();
        using var embedding = Embedding(5, 3, padding_idx: 4);
        var tokens = tensor([1L, 3L, 1L, 4L], [2L, 2L]);

        var rows = embedding.call(tokens);
        rows.sum().backward();

        Assert.Equal([2L, 2L, 3L], rows.shape);
        Assert.Equal(Same.Values(embedding.weight[1]), Same.Values(rows[1, 0]));
        Assert.Equal([0.0, 0, 0], Same.Values(embedding.weight[4]));
        Assert.Equal([0.0, 6, 0, 3, 0], Same.Values(embedding.weight.grad!.sum(1)));
        Assert.Throws<NotSupportedException>(() => Embedding(5, 3, sparse: true));
        Assert.ThrowsAny<Exception>(() => embedding.call(tensor([5L])));
    }

    [Fact]
    public void Norms_start_at_one_and_zero_and_normalise()
    {
        using var scope = NewDisposeScope();
        using var layer = LayerNorm(8);
        using var group = GroupNorm(2, 4);

        Assert.Equal((1.0, 0.0), (layer.weight.mean().ToDouble(), layer.bias!.abs().sum().ToDouble()));
        var normal = layer.call(rand(5, 8) * 9);
        Same.Close(zeros(5), normal.mean([-1L]), 0, 1e-6);
        Same.Close(ones(5), normal.std(-1, unbiased: false), 0, 1e-3);
        Same.Close(zeros(3, 2), group.call(rand(3, 4, 5, 5)).reshape(3, 2, -1).mean([-1L]), 0, 1e-6);
        Assert.Null(LayerNorm(8, elementwise_affine: false).weight);
    }

    [Fact]
    public void Dropout_drops_in_training_only_and_keeps_the_mean()
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        using var dropout = Dropout(0.25);
        var x = ones(10000);

        var dropped = dropout.call(x);
        Same.Close(tensor([0, 4 / 3.0]), dropped.unique().output, 1e-6);
        Assert.Equal(0.25, dropped.eq(0).@float().mean().ToDouble(), 0.02);
        Assert.Equal(1, dropped.mean().ToDouble(), 0.03);

        dropout.eval();
        Assert.Equal(Same.Values(x), Same.Values(dropout.call(x)));
        Assert.Equal(0, F.dropout(x, 1).sum().ToDouble());
    }

    [Fact]
    public void The_same_seed_drops_the_same()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var first = Same.Values(F.dropout(ones(50)));
        var second = Same.Values(F.dropout(ones(50)));
        manual_seed(4);

        Assert.Equal(first, Same.Values(F.dropout(ones(50))));
        Assert.NotEqual(first, second);
    }

    [Fact]
    public void A_function_in_place_writes_its_input()
    {
        using var scope = NewDisposeScope();
        foreach (var make in new Func<Module<Tensor, Tensor>>[] { () => ReLU(inplace: true), () => SiLU(inplace: true), () => Tanh(inplace: true), () => Sigmoid(inplace: true), () => Dropout(0.5, inplace: true) })
        {
            var x = tensor([-1f, 2f, 3f]);
            using var module = make();
            var y = module.call(x);
            Assert.Equal(Same.Values(x), Same.Values(y));
            Assert.NotEqual([-1.0, 2, 3], Same.Values(x));
        }
    }

    [Fact]
    public void A_row_of_modules_is_called_in_order_and_can_grow()
    {
        using var scope = NewDisposeScope();
        using var row = Sequential(("double", new Times(2)), ("add", new Plus(1)));

        Assert.Equal(7, row.call(tensor(3L)).item<long>());
        row.append("again", new Times(10)).append(new Plus(5));

        Assert.Equal((75, 4), (row.call(tensor(3L)).item<long>(), row.Count));
        Assert.Equal(["double", "add", "again", "3"], row.named_children().Select(pair => pair.name));
        Assert.IsType<Plus>(row[1]);
        using var empty = Sequential(Array.Empty<Module<Tensor, Tensor>>());
        var x = tensor(3L);
        Assert.NotSame(x, empty.call(x));
    }

    [Fact]
    public void A_list_of_modules_names_them_by_place()
    {
        using var list = new ModuleList<Linear>(Linear(1, 1, hasBias: false), Linear(2, 2, hasBias: false));
        list.append(Linear(3, 3, hasBias: false));

        Assert.Equal(["0.weight", "1.weight", "2.weight"], list.named_parameters().Select(pair => pair.name));
        list.RemoveAt(0);
        list.Insert(1, Linear(5, 5, hasBias: false));
        list[0] = Linear(4, 4, hasBias: false);

        Assert.Equal(3, list.Count);
        Assert.Equal(["0.weight", "1.weight", "2.weight"], list.named_parameters().Select(pair => pair.name));
        Assert.Equal([4L, 5L, 3L], list.Select(linear => linear.weight.shape[0]));
        Assert.Equal([4L, 5L, 3L], list.parameters().Select(weight => weight.shape[0]));
        Assert.True(list.Remove(list[2]) && list.Contains(list[1]));
        list.Clear();
        Assert.Empty(list.parameters());
    }

    private sealed class Times(int by) : Module<Tensor, Tensor>("Times")
    {
        public override Tensor forward(Tensor input) => input * by;
    }

    private sealed class Plus(int what) : Module<Tensor, Tensor>("Plus")
    {
        public override Tensor forward(Tensor input) => input + what;
    }
}
