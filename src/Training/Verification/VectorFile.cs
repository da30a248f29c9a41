using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Training.Verification;

/// <summary>Reference cases of one paper, as an independent float64 implementation gave them (<c>"format": "vectors/1"</c>).</summary>
/// <param name="Path">Where the file is, for messages.</param>
/// <param name="Paper">The paper's id.</param>
/// <param name="Cases">The cases, in the file's order.</param>
public sealed record VectorFile(string Path, string Paper, IReadOnlyList<VectorCase> Cases)
{
    private const string Format = "vectors/1";

    /// <summary>Reads a file.</summary>
    /// <exception cref="PlumblineException">It is absent or malformed; the message names file and case.</exception>
    public static VectorFile Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (IOException absent)
        {
            throw new PlumblineException($"cannot read the vectors file {path}: {absent.Message}", absent);
        }
    }

    /// <summary>Reads the text of a file.</summary>
    /// <param name="json">The text.</param>
    /// <param name="path">The name messages use.</param>
    /// <exception cref="PlumblineException">It is malformed; the message names file and case.</exception>
    public static VectorFile Parse(string json, string path)
    {
        JsonObject root;
        try
        {
            root = JsonNode.Parse(json) as JsonObject ?? throw new PlumblineException($"{path}: a vectors file is a JSON object");
        }
        catch (JsonException malformed)
        {
            throw new PlumblineException($"{path}: not JSON: {malformed.Message}", malformed);
        }

        var format = root["format"] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
        if (format != Format)
        {
            throw new PlumblineException($"{path}: the format is '{format}', and only '{Format}' can be read");
        }

        if (root["paper"] is not JsonValue id || !id.TryGetValue<string>(out var paper) || root["cases"] is not JsonArray cases)
        {
            throw new PlumblineException($"{path}: 'paper' (a text) and 'cases' (a list) are required");
        }

        return new VectorFile(path, paper, [.. cases.Select((node, index) => VectorCase.Read(node, $"{path}, case {index}"))]);
    }
}

/// <summary>One reference case.</summary>
/// <param name="Name">What it is about.</param>
/// <param name="Target">A paper's id, or <c>id/function</c>.</param>
/// <param name="Options">The options, as a manifest writes them.</param>
/// <param name="Inputs">Tensors (an object with dtype, shape and data) and plain JSON values.</param>
/// <param name="Outputs">What must come out; empty where the inputs must be refused.</param>
/// <param name="Grads">The gradients of the output <c>loss</c>, by input.</param>
/// <param name="Error">A part of the message by which the inputs must be refused; null where they must not.</param>
/// <param name="Rtol">Largest difference allowed, relative to what is expected.</param>
/// <param name="Atol">Largest difference allowed beside that.</param>
public sealed record VectorCase(
    string Name, string Target, JsonObject Options, JsonObject Inputs, JsonObject Outputs, JsonObject Grads, string? Error, double Rtol, double Atol)
{
    private const double DefaultRtol = 1e-6;
    private const double DefaultAtol = 1e-9;
    private static readonly HashSet<string> Known = ["name", "target", "options", "inputs", "outputs", "grads", "error", "rtol", "atol"];

    internal static VectorCase Read(JsonNode? node, string where)
    {
        if (node is not JsonObject json)
        {
            throw new PlumblineException($"{where}: a case is a JSON object");
        }

        try
        {
            var name = json["name"]?.GetValue<string>() ?? throw new PlumblineException($"{where}: 'name' is missing");
            where += $" '{name}'";
            if (json.Select(pair => pair.Key).FirstOrDefault(key => !Known.Contains(key)) is { } unknown)
            {
                throw new PlumblineException($"{where}: unknown key '{unknown}' (valid: {string.Join(", ", Known)})");
            }

            var read = new VectorCase(
                name,
                json["target"]?.GetValue<string>() ?? throw new PlumblineException($"{where}: 'target' is missing"),
                Section("options"),
                Section("inputs"),
                Section("outputs"),
                Section("grads"),
                json["error"]?.GetValue<string>(),
                json["rtol"]?.GetValue<double>() ?? DefaultRtol,
                json["atol"]?.GetValue<double>() ?? DefaultAtol);
            read.Check(where);
            return read;
        }
        catch (InvalidOperationException wrong)
        {
            throw new PlumblineException($"{where}: {wrong.Message}", wrong);
        }

        JsonObject Section(string name) => json[name] switch
        {
            null => [],
            JsonObject section => section,
            _ => throw new PlumblineException($"{where}: '{name}' must be a JSON object"),
        };
    }

    private void Check(string where)
    {
        if ((Error is null) == (Outputs.Count == 0 && Grads.Count == 0))
        {
            throw new PlumblineException($"{where}: a case has either outputs to compare, or the 'error' by which it is refused");
        }

        foreach (var (section, values) in new[] { ("inputs", Inputs), ("outputs", Outputs), ("grads", Grads) })
        {
            foreach (var (name, value) in values)
            {
                JsonTensor.Check(value, $"{where}: {section}.{name}");
            }
        }

        foreach (var (name, value) in Grads)
        {
            if (JsonTensor.DtypeOf(value) != ScalarType.Float64 || JsonTensor.DtypeOf(Inputs[name]) != ScalarType.Float64)
            {
                throw new PlumblineException($"{where}: grads.{name} and inputs.{name} must both be float64 tensors");
            }
        }
    }
}
