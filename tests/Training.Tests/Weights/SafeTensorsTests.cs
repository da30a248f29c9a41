using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using Plumbline.Training.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class SafeTensorsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("safetensors").FullName;

    private string File => Path.Combine(_folder, "model.safetensors");

    public static TheoryData<ScalarType> Dtypes =>
    [
        ScalarType.Float64, ScalarType.Float32, ScalarType.Float16, ScalarType.BFloat16,
        ScalarType.Int64, ScalarType.Int32, ScalarType.Int16, ScalarType.Int8, ScalarType.Byte, ScalarType.Bool,
    ];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Every_dtype_comes_back_bit_for_bit(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var given = (arange(6, dtype: ScalarType.Float64).reshape(2, 3) - (dtype is ScalarType.Byte or ScalarType.Bool ? 0 : 2.5)).to_type(dtype);
        SafeTensors.Save(File, new Dictionary<string, Tensor> { ["x"] = given, ["scalar"] = ones([], dtype), ["empty"] = ones([0, 3], dtype) });
        var read = SafeTensors.Load(File);
        Assert.Equal((dtype, 3), (read["x"].dtype, read.Count));
        Assert.Equal([2, 3], read["x"].shape);
        Assert.True(read["x"].bytes.SequenceEqual(given.bytes));
        Assert.Empty(read["scalar"].shape);
        Assert.Equal([0, 3], read["empty"].shape);
    }

    [Fact]
    public void A_view_is_written_in_its_own_order()
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(File, new Dictionary<string, Tensor> { ["t"] = arange(6, dtype: ScalarType.Float32).reshape(2, 3).t() });
        Assert.Equal([0f, 3, 1, 4, 2, 5], SafeTensors.Load(File)["t"].data<float>());
    }

    [Fact]
    public void Another_reader_finds_names_shapes_metadata_and_numbers()
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(
            File,
            new Dictionary<string, Tensor> { ["b"] = tensor([1.5f, -2f]), ["a"] = tensor(new long[] { 7, 8, 9, 10 }, [2, 2]) },
            new Dictionary<string, string> { ["format"] = "pt", ["note"] = "ü" });

        var bytes = System.IO.File.ReadAllBytes(File);
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Assert.Equal(0, (8 + length) % 8);
        var header = JsonNode.Parse(Encoding.UTF8.GetString(bytes, 8, length))!.AsObject();
        Assert.Equal("ü", (string?)header["__metadata__"]!["note"]);
        ReadOnlySpan<byte> Data(string name) => bytes.AsSpan(8 + length)[(int)header[name]!["data_offsets"]![0]!..(int)header[name]!["data_offsets"]![1]!];
        Assert.Equal("F32", (string?)header["b"]!["dtype"]);
        Assert.Equal("[2]", header["b"]!["shape"]!.ToJsonString());
        Assert.Equal(-2f, BinaryPrimitives.ReadSingleLittleEndian(Data("b")[4..]));
        Assert.Equal("I64", (string?)header["a"]!["dtype"]);
        Assert.Equal("[2,2]", header["a"]!["shape"]!.ToJsonString());
        Assert.Equal(10, BinaryPrimitives.ReadInt64LittleEndian(Data("a")[24..]));
        Assert.Equal(bytes.Length, 8 + length + 8 + 32);
    }

    [Fact]
    public void A_file_of_another_writer_is_read()
    {
        using var scope = NewDisposeScope();
        Write("""{"w":{"data_offsets":[4,12],"shape":[2],"dtype":"F32"},"v":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}  """, [5, 0, 0, 0, .. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f)]);
        var read = SafeTensors.Load(File);
        Assert.Equal([1f, 2f], read["w"].data<float>());
        Assert.Equal(5, read["v"].ToInt32());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(20)]
    [InlineData(-1)]
    public void A_file_cut_short_anywhere_is_refused_by_name(int length)
    {
        using (NewDisposeScope())
        {
            SafeTensors.Save(File, new Dictionary<string, Tensor> { ["x"] = ones(4) });
        }

        var bytes = System.IO.File.ReadAllBytes(File);
        System.IO.File.WriteAllBytes(File, length < 0 ? bytes[..^1] : bytes[..length]);
        Assert.Contains(File, Assert.Throws<PlumblineException>(() => SafeTensors.Load(File)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[1]", "no JSON object")]
    [InlineData("{\"x\":", "no JSON")]
    [InlineData("""{"x":3}""", "lacks dtype, shape or data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1]}}""", "lacks dtype, shape or data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":"1","data_offsets":[0,4]}}""", "lacks dtype, shape or data_offsets")]
    [InlineData("""{"x":{"dtype":"F32","shape":[null],"data_offsets":[0,4]}}""", "lacks dtype, shape or data_offsets")]
    [InlineData("""{"x":{"dtype":"F8","shape":[1],"data_offsets":[0,4]}}""", "has the dtype F8; known are F64")]
    [InlineData("""{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[-1],"data_offsets":[0,-4]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[9223372036854775803,9223372036854775807]}}""", "do not fit")]
    [InlineData("""{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"x":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}""", "no JSON")]
    public void A_forged_header_is_refused_in_words(string header, string message)
    {
        Write(header, new byte[8]);
        Assert.Contains(message, Assert.Throws<PlumblineException>(() => SafeTensors.Load(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_that_claims_more_than_the_file_is_refused()
    {
        System.IO.File.WriteAllBytes(File, [255, 255, 255, 255, 255, 255, 255, 127, 1, 2]);
        Assert.Contains("its header claims", Assert.Throws<PlumblineException>(() => SafeTensors.Load(File)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_refused_by_name() =>
        Assert.Contains(File, Assert.Throws<PlumblineException>(() => SafeTensors.Load(File)).Message, StringComparison.Ordinal);

    [Fact]
    public void Weights_go_into_a_module_of_the_same_names()
    {
        using var scope = NewDisposeScope();
        using var first = nn.Linear(3, 2);
        using var second = nn.Linear(3, 2);
        SafeTensors.Save(File, first.state_dict());
        SafeTensors.LoadInto(File, second);
        Assert.Equal(first.weight.data<float>(), second.weight.data<float>());
        Assert.Equal(first.bias!.data<float>(), second.bias!.data<float>());
        Assert.True(second.weight.requires_grad);
    }

    [Fact]
    public void Missing_left_over_and_misshapen_weights_are_all_listed_and_the_module_stays()
    {
        using var scope = NewDisposeScope();
        using var module = nn.Linear(3, 2);
        var before = module.weight.data<float>().ToArray();
        SafeTensors.Save(File, new Dictionary<string, Tensor> { ["weight"] = ones(3, 2), ["extra"] = ones(1) });
        var message = Assert.Throws<PlumblineException>(() => SafeTensors.LoadInto(File, module)).Message;
        Assert.Contains("missing bias", message, StringComparison.Ordinal);
        Assert.Contains("left over extra", message, StringComparison.Ordinal);
        Assert.Contains("weight has the shape [3,2], and the model [2,3]", message, StringComparison.Ordinal);
        Assert.Equal(before, module.weight.data<float>());
    }

    [Fact]
    public void A_save_that_fails_leaves_the_old_file_and_no_temporary_one()
    {
        using var scope = NewDisposeScope();
        SafeTensors.Save(File, new Dictionary<string, Tensor> { ["x"] = ones(4) });
        var before = System.IO.File.ReadAllBytes(File);
        var gone = ones(4);
        var late = new LateDisposal(("x", ones(4)), ("y", gone));
        Assert.ThrowsAny<Exception>(() => SafeTensors.Save(File, late));
        Assert.Equal(before, System.IO.File.ReadAllBytes(File));
        Assert.Equal([File], Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_dtype_the_format_lacks_is_refused_by_name_and_nothing_is_written()
    {
        using var scope = NewDisposeScope();
        var error = Assert.Throws<PlumblineException>(() => SafeTensors.Save(File, new Dictionary<string, Tensor> { ["z"] = zeros([1], ScalarType.ComplexFloat32) }));
        Assert.Contains("'z'", error.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    private void Write(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        System.IO.File.WriteAllBytes(File, [.. BitConverter.GetBytes((long)text.Length), .. text, .. data]);
    }

    /// <summary>Tensors of which the last is gone by the time the bytes are written.</summary>
    private sealed class LateDisposal(params (string Name, Tensor Value)[] tensors) : IReadOnlyDictionary<string, Tensor>
    {
        private int _passes;

        public IEnumerable<string> Keys => tensors.Select(pair => pair.Name);

        public IEnumerable<Tensor> Values => tensors.Select(pair => pair.Value);

        public int Count => tensors.Length;

        public Tensor this[string key] => tensors.First(pair => pair.Name == key).Value;

        public bool ContainsKey(string key) => tensors.Any(pair => pair.Name == key);

        public bool TryGetValue(string key, [System.Diagnostics.CodeAnalysis.MaybeNullWhen(false)] out Tensor value) => throw new NotSupportedException();

        public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator()
        {
            if (++_passes == 2)
            {
                tensors[^1].Value.Dispose();
            }

            return tensors.Select(pair => KeyValuePair.Create(pair.Name, pair.Value)).GetEnumerator();
        }

        System.Collections.IEnumerator System.Collections.IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
