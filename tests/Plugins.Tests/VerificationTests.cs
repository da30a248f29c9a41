using Plumbline.Training.Verification;

namespace Plumbline.Tests.Plugins.Verification;

public sealed class VerificationTests
{
    private const string X = """{ "dtype": "float64", "shape": [2], "data": [1.0, 3.0] }""";
    private static readonly VectorChecker Checker = new(typeof(VerificationTests).Assembly);

    [Fact]
    public void Right_outputs_and_gradients_pass() => Passes("test/square", X2("x"), """
        "outputs": { "loss": { "dtype": "float64", "shape": [], "data": [20.0] }, "values": { "dtype": "float64", "shape": [2], "data": [1.0, 9.0] } },
        "grads": { "x": { "dtype": "float64", "shape": [2], "data": [4.0, 12.0] } }
        """);

    [Fact]
    public void A_wrong_output_fails_with_its_place() => Fails(
        "test/square", X2("x"), """ "outputs": { "values": { "dtype": "float64", "shape": [2], "data": [1.0, 9.1] } } """,
        "output 'values'[1]: expected 9.1, got 9");

    [Fact]
    public void A_wrong_gradient_fails_with_its_place() => Fails(
        "test/square", X2("x"), """ "grads": { "x": { "dtype": "float64", "shape": [2], "data": [4.5, 12.0] } } """,
        "gradient of 'x'[0]: expected 4.5, got 4");

    [Fact]
    public void A_difference_within_the_tolerance_passes() => Passes(
        "test/square", X2("x"), """ "outputs": { "values": { "dtype": "float64", "shape": [2], "data": [1.0, 9.1] } }, "rtol": 0.02 """);

    [Fact]
    public void An_output_that_does_not_come_fails() => Fails(
        "test/square", X2("x"), """ "outputs": { "margin": { "dtype": "float64", "shape": [], "data": [1.0] } } """, "'margin' did not come");

    [Fact]
    public void A_loss_that_does_not_depend_on_an_input_fails() => Fails(
        "test/unused", X2("x", "y"), """ "grads": { "x": { "dtype": "float64", "shape": [2], "data": [1.0, 1.0] }, "y": { "dtype": "float64", "shape": [2], "data": [0.0, 0.0] } } """, "does not depend on 'y'");

    [Fact]
    public void A_metric_with_a_gradient_fails() => Fails(
        "test/tied", X2("x"), """ "grads": { "x": { "dtype": "float64", "shape": [2], "data": [1.0, 1.0] } } """, "'metric' of a loss carries a gradient");

    [Fact]
    public void A_wrong_shape_fails() => Fails(
        "test/square", X2("x"), """ "outputs": { "values": { "dtype": "float64", "shape": [1, 2], "data": [1.0, 9.0] } } """, "expected shape [1,2], got [2]");

    [Fact]
    public void A_result_in_float32_fails() => Fails(
        "test/single", X2("x"), $$""" "outputs": { "values": {{X}} } """, "expected dtype Float64, got Float32");

    [Fact]
    public void A_refusal_with_the_words_passes() => Passes("test/refuses", X2("x"), """ "error": "'x'" """);

    [Fact]
    public void A_refusal_with_other_words_fails() => Fails("test/refuses", X2("x"), """ "error": "mask" """, "does not hold 'mask'");

    [Fact]
    public void A_refusal_that_does_not_come_fails() => Fails("test/square", X2("x"), """ "error": "x" """, "was not refused");

    [Fact]
    public void A_crash_is_no_refusal() => Fails("test/breaks", X2("x"), """ "error": "broken" """, "InvalidOperationException: broken at 2");

    [Fact]
    public void An_option_out_of_range_is_a_refusal() => Passes("test/square", X2("x"), """ "error": "scale" """, """ { "scale": 0 } """);

    [Fact]
    public void A_misspelt_option_fails() => Fails(
        "test/square", X2("x"), """ "outputs": { "loss": { "dtype": "float64", "shape": [], "data": [20.0] } } """, "did you mean 'scale'?", """ { "scael": 2 } """);

    [Fact]
    public void An_option_that_no_function_takes_fails() => Fails(
        "test/double", """ "value": 4 """, """ "outputs": { "value": 8 } """, "has no options", """ { "scale": 2 } """);

    [Fact]
    public void An_input_that_nothing_reads_fails() => Fails(
        "test/double", """ "value": 4, "tmies": 3 """, """ "outputs": { "value": 8 } """, "nothing reads the input 'tmies'");

    [Fact]
    public void A_missing_input_is_named() => Fails("test/double", """ "times": 3 """, """ "outputs": { "value": 8 } """, "the input 'value' is missing");

    [Fact]
    public void A_plain_number_and_a_default_parameter_pass() => Passes("test/double", """ "value": 4 """, """ "outputs": { "value": 8 } """);

    [Fact]
    public void Texts_lists_and_records_pass() => Passes("test/tree", Tree, """
        "outputs": { "nodes": [ { "name": "a!", "children": [1] }, { "name": "b!", "children": [] } ], "weight": 0.75, "leafy": true, "note": null }
        """);

    [Theory]
    [InlineData(""" "outputs": { "nodes": [ { "name": "a!", "children": [1] }, { "name": "c!", "children": [] } ] } """, "'nodes'[1].name: expected \"c!\", got \"b!\"")]
    [InlineData(""" "outputs": { "nodes": [ { "name": "a!", "children": [1] } ] } """, "expected a list of 1, got 2")]
    [InlineData(""" "outputs": { "nodes": [ { "name": "a!" }, { "name": "b!" } ] } """, "expected the names name, got children, name")]
    [InlineData(""" "outputs": { "leafy": false } """, "expected false, got true")]
    [InlineData(""" "outputs": { "note": "x" } """, "expected \"x\", got null")]
    [InlineData(""" "outputs": { "weight": 0.7 } """, "expected 0.7, got 0.75")]
    public void Plain_values_that_differ_fail(string outputs, string message) => Fails("test/tree", Tree, outputs, message);

    [Fact]
    public void Tensors_in_lists_and_by_name_pass() => Passes("test/tensors", $$""" "list": [{{X}}, {{X}}], "named": { "a": {{X}} } """, """
        "outputs": { "sums": { "dtype": "float64", "shape": [2], "data": [4.0, 4.0] }, "named": { "a": { "dtype": "float64", "shape": [2], "data": [2.0, 6.0] } } }
        """);

    [Fact]
    public void A_function_may_take_the_whole_batch() => Passes("test/batch", $$""" "x": {{X}}, "n": 3 """, """ "outputs": { "sum": 7 } """);

    [Fact]
    public void An_objective_is_found_by_its_id() => Passes(
        "test-mean", $$""" "logps": {{X}} """, """ "grads": { "logps": { "dtype": "float64", "shape": [2], "data": [0.5, 0.5] } } """);

    [Fact]
    public void An_advantage_is_found_by_its_id() => Passes(
        "group-relative/advantages",
        $$""" "rewards": {{X}}, "group_ids": { "dtype": "int64", "shape": [2], "data": [4, 4] } """,
        """ "outputs": { "advantages": { "dtype": "float64", "shape": [2], "data": [-1.0, 1.0] } } """,
        """ { "scale_rewards": "none" } """);

    [Fact]
    public void An_unknown_target_is_told_with_the_nearest() => Fails(
        "test/sqare", X2("x"), """ "outputs": { "loss": 20.0 } """, "unknown target 'test/sqare'; did you mean 'test/square'?");

    [Fact]
    public void One_broken_target_does_not_hide_the_next_case()
    {
        var file = VectorFile.Parse($$"""
            { "format": "vectors/1", "paper": "test", "cases": [
              { "name": "first", "target": "test/breaks", "inputs": { "x": {{X}} }, "outputs": { "y": 1 } },
              { "name": "second", "target": "test/double", "inputs": { "value": 1 }, "outputs": { "value": 2 } } ] }
            """, "test.json");
        Assert.Equal([("first", false), ("second", true)], Checker.Check(file).Select(result => (result.Case, result.Passed)));
    }

    [Theory]
    [InlineData(""" "inputs": { "x": { "dtype": "float64", "shape": [3], "data": [1.0] } }, "outputs": { "y": 1 } """, "inputs.x: the shape [3] does not hold 1 numbers")]
    [InlineData(""" "inputs": { "x": { "dtype": "float16", "shape": [1], "data": [1.0] } }, "outputs": { "y": 1 } """, "float16")]
    [InlineData(""" "inputs": { "x": { "dtype": "int64", "shape": [1], "data": [1.5] } }, "outputs": { "y": 1 } """, "inputs.x")]
    [InlineData(""" "inputs": {}, "output": { "y": 1 } """, "unknown key 'output'")]
    [InlineData(""" "inputs": {} """, "outputs to compare, or the 'error'")]
    [InlineData(""" "inputs": {}, "outputs": { "y": 1 }, "error": "x" """, "outputs to compare, or the 'error'")]
    [InlineData(""" "inputs": {}, "grads": { "x": { "dtype": "float64", "shape": [], "data": [1.0] } } """, "grads.x and inputs.x")]
    [InlineData(""" "inputs": {}, "outputs": { "y": 1 }, "rtol": "small" """, "case 0 'it'")]
    public void A_malformed_case_is_refused_with_file_and_case(string body, string message)
    {
        var refused = Assert.Throws<PlumblineException>(() => VectorFile.Parse(
            $$"""{ "format": "vectors/1", "paper": "test", "cases": [ { "name": "it", "target": "test/square", {{body}} } ] }""", "test.json"));
        Assert.StartsWith("test.json, case 0 'it'", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "format": "vectors/2", "paper": "x", "cases": [] }""", "vectors/2")]
    [InlineData("""{ "format": "vectors/1", "cases": [] }""", "'paper'")]
    [InlineData("""[ 1""", "not JSON")]
    public void A_file_of_another_form_is_refused_by_name(string json, string message)
    {
        var refused = Assert.Throws<PlumblineException>(() => VectorFile.Parse(json, "test.json"));
        Assert.StartsWith("test.json", refused.Message, StringComparison.Ordinal);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_absent_file_is_named() =>
        Assert.Contains("nowhere.json", Assert.Throws<PlumblineException>(() => VectorFile.Read("nowhere.json")).Message, StringComparison.Ordinal);

    private const string Tree = """ "nodes": [ { "name": "a", "children": [1] }, { "name": "b", "children": [] } ], "text": "!", "weights": { "dtype": "float64", "shape": [2], "data": [0.5, 0.25] } """;

    private static string X2(params string[] names) => string.Join(", ", names.Select(name => $$""" "{{name}}": {{X}} """));

    private static void Passes(string target, string inputs, string expected, string options = "{}") =>
        Assert.Equal(string.Empty, Run(target, inputs, expected, options).Message);

    private static void Fails(string target, string inputs, string expected, string message, string options = "{}")
    {
        var result = Run(target, inputs, expected, options);
        Assert.False(result.Passed);
        Assert.Contains(message, result.Message, StringComparison.Ordinal);
    }

    private static CaseResult Run(string target, string inputs, string expected, string options) => Assert.Single(Checker.Check(VectorFile.Parse(
        $$"""{ "format": "vectors/1", "paper": "test", "cases": [ { "name": "it", "target": "{{target}}", "options": {{options}}, "inputs": { {{inputs}} }, {{expected}} } ] }""", "test.json")));
}
