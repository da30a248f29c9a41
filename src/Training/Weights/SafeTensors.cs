using System.Buffers.Binary;
using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Weights;

/// <summary>Reads and writes the safetensors format: a JSON header of names, dtypes, shapes and places, then the bytes.</summary>
public static class SafeTensors
{
    private const long LargestHeader = 100_000_000;

    private static readonly (ScalarType Type, string Name, int Bytes)[] Types =
    [
        (ScalarType.Float64, "F64", 8), (ScalarType.Float32, "F32", 4), (ScalarType.Float16, "F16", 2), (ScalarType.BFloat16, "BF16", 2),
        (ScalarType.Int64, "I64", 8), (ScalarType.Int32, "I32", 4), (ScalarType.Int16, "I16", 2), (ScalarType.Int8, "I8", 1),
        (ScalarType.Byte, "U8", 1), (ScalarType.Bool, "BOOL", 1),
    ];

    /// <summary>Writes tensors to a file, whole or not at all: a temporary name first, renamed when complete.</summary>
    public static void Save(string path, IReadOnlyDictionary<string, Tensor> tensors, IReadOnlyDictionary<string, string>? metadata = null)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(tensors);
        var header = new JsonObject();
        if (metadata is { Count: > 0 })
        {
            header["__metadata__"] = JsonSerializer.SerializeToNode(metadata);
        }

        var offset = 0L;
        foreach (var (name, tensor) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
        {
            var type = Types.FirstOrDefault(known => known.Type == tensor.dtype);
            if (type.Name is null)
            {
                throw new PlumblineException($"safetensors has no dtype for '{name}', which is {tensor.dtype}");
            }

            var end = offset + (tensor.numel() * type.Bytes);
            header[name] = new JsonObject
            {
                ["dtype"] = type.Name,
                ["shape"] = new JsonArray([.. tensor.shape.Select(size => (JsonNode)size)]),
                ["data_offsets"] = new JsonArray(offset, end),
            };
            offset = end;
        }

        var text = JsonSerializer.SerializeToUtf8Bytes(header);
        var temporary = path + ".tmp";
        try
        {
            using (var file = File.Create(temporary))
            {
                Span<byte> size = stackalloc byte[8];
                // The data begins at a multiple of 8; the header may end in spaces.
                var padding = (8 - (text.Length % 8)) % 8;
                BinaryPrimitives.WriteInt64LittleEndian(size, text.Length + padding);
                file.Write(size);
                file.Write(text);
                file.Write("       "u8[..padding]);
                foreach (var (_, tensor) in tensors.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                {
                    using var scope = NewDisposeScope();
                    using var still = no_grad();
                    if (tensor.numel() > 0)
                    {
                        file.Write(tensor.detach().cpu().contiguous().bytes);
                    }
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    /// <summary>The names of a file's tensors; no tensor is read.</summary>
    /// <exception cref="PlumblineException">The file is absent, cut short or malformed.</exception>
    public static IReadOnlyList<string> Names(string path)
    {
        using var file = Open(path);
        return [.. Header(file, path).Header.Select(pair => pair.Key).Where(name => name != "__metadata__")];
    }

    /// <summary>Reads every tensor of a file onto the CPU.</summary>
    /// <exception cref="PlumblineException">The file is absent, cut short or malformed; the message names file and tensor.</exception>
    public static Dictionary<string, Tensor> Load(string path)
    {
        using var file = Open(path);
        var (header, start) = Header(file, path);
        var tensors = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (name, node) in header.Where(pair => pair.Key != "__metadata__"))
        {
            tensors[name] = Read(file, path, name, node as JsonObject, start);
        }

        return tensors;
    }

    /// <summary>Copies a file's tensors into a module's parameters and buffers of the same names.</summary>
    /// <exception cref="PlumblineException">A name is missing or left over, or a shape differs; the message lists them.</exception>
    public static void LoadInto(string path, nn.Module module)
    {
        ArgumentNullException.ThrowIfNull(module);
        using var scope = NewDisposeScope();
        var given = Load(path);
        var own = module.state_dict();
        string[] wrong =
        [
            .. own.Keys.Where(name => !given.ContainsKey(name)).Select(name => $"missing {name}"),
            .. given.Keys.Where(name => !own.ContainsKey(name)).Select(name => $"left over {name}"),
            .. own.Where(pair => given.TryGetValue(pair.Key, out var tensor) && !tensor.shape.SequenceEqual(pair.Value.shape))
                .Select(pair => $"{pair.Key} has the shape [{string.Join(',', given[pair.Key].shape)}], and the model [{string.Join(',', pair.Value.shape)}]"),
        ];
        if (wrong.Length > 0)
        {
            throw new PlumblineException($"the weights of {path} do not fit the model: {string.Join("; ", wrong.Take(6))}{(wrong.Length > 6 ? $"; and {wrong.Length - 6} more" : string.Empty)}");
        }

        module.load_state_dict(given);
    }

    private static FileStream Open(string path) => File.Exists(path) ? File.OpenRead(path) : throw new PlumblineException($"there is no weights file {path}");

    private static (JsonObject Header, long Start) Header(FileStream file, string path)
    {
        Span<byte> size = stackalloc byte[8];
        if (file.ReadAtLeast(size, 8, throwOnEndOfStream: false) < 8)
        {
            throw new PlumblineException($"{path} is no safetensors file: it ends before its header");
        }

        var length = BinaryPrimitives.ReadInt64LittleEndian(size);
        if (length is < 2 or > LargestHeader || length + 8 > file.Length)
        {
            throw new PlumblineException($"{path} is no safetensors file, or is cut short: its header claims {length} bytes and the file has {file.Length}");
        }

        var text = new byte[length];
        file.ReadExactly(text);
        try
        {
            return (JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) as JsonObject ?? throw new PlumblineException($"the header of {path} is no JSON object"), length + 8);
        }
        catch (JsonException error)
        {
            throw new PlumblineException($"the header of {path} is no JSON: {error.Message}", error);
        }
    }

    private static Tensor Read(FileStream file, string path, string name, JsonObject? entry, long start)
    {
        long[] shape, place;
        string? dtype;
        try
        {
            dtype = (string?)entry?["dtype"];
            shape = [.. entry!["shape"]!.AsArray().Select(size => (long)size!)];
            place = [.. entry["data_offsets"]!.AsArray().Select(offset => (long)offset!)];
        }
        catch (Exception error) when (error is NullReferenceException or InvalidOperationException or FormatException)
        {
            throw new PlumblineException($"{path}: the entry of '{name}' lacks dtype, shape or data_offsets", error);
        }

        var type = Types.FirstOrDefault(known => known.Name == dtype);
        if (type.Name is null)
        {
            throw new PlumblineException($"{path}: '{name}' has the dtype {dtype}; known are {string.Join(", ", Types.Select(known => known.Name))}");
        }

        // A forged shape may overflow 64 bits; a number of bytes beyond the file is refused either way.
        var bytes = shape.Aggregate((UInt128)type.Bytes, (product, size) => product > (UInt128)file.Length ? product : product * (ulong)Math.Max(0, size));
        if (place.Length != 2 || shape.Any(size => size < 0) || place[0] < 0 || place[1] < place[0] || place[1] > file.Length - start || (UInt128)(place[1] - place[0]) != bytes)
        {
            throw new PlumblineException($"{path}: '{name}' claims bytes {string.Join("-", place)} for the shape [{string.Join(',', shape)}] of {dtype}, which do not fit each other and a file of {file.Length} bytes");
        }

        var tensor = empty(shape, type.Type);
        if (bytes > 0)
        {
            file.Position = start + place[0];
            file.ReadExactly(tensor.bytes);
        }

        return tensor;
    }
}
