using Plumbline.Host.Manifests;
using Plumbline.Host.Plugins;

namespace Plumbline.Tests.Host.Manifests;

public sealed class ManifestBindingTests
{
    private readonly PartRegistry _parts = Installed.Registry();

    [Fact]
    public void A_short_manifest_is_filled_with_defaults_and_names()
    {
        var manifest = Bind(Tiny.Manifest(Tiny.Sft(), """{ "use": "sft", "name": "again", "data": "arithmetic" }"""));
        Assert.Equal(("tiny", 5L, "cpu", Precision.Float32), (manifest.Name, manifest.Seed, manifest.Device, manifest.Dtype));
        Assert.Equal(["sft", "again"], manifest.Stages.Select(stage => ((StageOptions)stage.Options!).Name));
        Assert.Equal("transformer", manifest.Model!.Id);
        Assert.Empty(manifest.Evaluate);
    }

    [Theory]
    [InlineData("sede=1", "$.sede: unknown option 'sede'; did you mean 'seed'?")]
    [InlineData("stages[0].step=1", "$.stages[0].step: unknown option 'step'; did you mean 'steps'?")]
    [InlineData("stages[0].data.larges=1", "$.stages[0].data.larges: unknown option 'larges'; did you mean 'largest'?")]
    [InlineData("stages[0].use=sfd", "$.stages[0]: unknown algorithm or loop 'sfd'; did you mean 'sft'?")]
    [InlineData("model.use=transfomer", "$.model: unknown model 'transfomer'; did you mean 'transformer'?")]
    [InlineData("dtype=float16", "$.dtype: unknown value 'float16'; did you mean 'bfloat16'?")]
    [InlineData("stages[0].steps=many", "$.stages[0].steps: expected integer, found \"many\"")]
    [InlineData("stages[0].learning_rate=0", "$.stages[0].learning_rate: learning_rate must be > 0, was 0")]
    [InlineData("device=gpu", "$: device must be auto, cpu, cuda or cuda:<number>, was 'gpu'")]
    [InlineData("device=cuda:x", "$: device must be auto, cpu, cuda or cuda:<number>, was 'cuda:x'")]
    [InlineData("name=a/b", "$: name must be usable as a folder's name")]
    [InlineData("name=.hidden", "$: name must be usable as a folder's name")]
    [InlineData("name=", "$: name must be usable as a folder's name")]
    [InlineData("stages=[]", "$: stages is empty: nothing would be done")]
    [InlineData("threads=0", "$.threads: threads must be > 0, was 0")]
    [InlineData("model.heads=3", "$.model: width must be a multiple of heads")]
    public void What_is_wrong_is_refused_with_its_place_and_what_would_be_right(string change, string message)
    {
        var error = Assert.Throws<ManifestException>(() => Bind(Tiny.Manifest(Tiny.Sft()), change));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_error_is_told_at_once()
    {
        var error = Assert.Throws<ManifestException>(() => Bind(Tiny.Manifest(Tiny.Sft(), Tiny.Sft()), "sede=1", "stages[0].step=1", "stages[1].steps=-1", "stages[1].data=nothing", "model.widht=2"));
        Assert.Equal(
            ["$.model.widht", "$.sede", "$.stages[0].step", "$.stages[1].data", "$.stages[1].steps"],
            error.Errors.Select(wrong => wrong.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Stages_share_what_they_have_and_do_not_give_themselves()
    {
        const string text = """{ "name": "a", "model": "transformer", "defaults": { "data": "arithmetic", "rewards": ["exact-answer"], "steps": 7, "beta": 0.5 }, "stages": ["sft", { "use": "grpo" }, { "use": "grpo", "steps": 9, "objective": { "use": "grpo", "beta": 0.25 } }] }""";
        var stages = Bind(text).Stages;
        Assert.Equal(["sft", "grpo", "grpo"], stages.Select(stage => ((StageOptions)stage.Options!).Name));
        Assert.Equal([7, 7, 9], stages.Select(stage => ((Plumbline.Training.TrainingOptions)stage.Options!).Steps));
        var written = stages.Select(stage => OptionsWriter.ToJson(stage.Options)!).ToList();
        Assert.Equal([0.5, 0.25], written.Skip(1).Select(stage => (double)stage["objective"]!["beta"]!));
        // What is resolved is whole and runs again.
        Assert.Null(Bind(text).Defaults);
    }

    [Theory]
    [InlineData("defaults.stepz=3", "$.defaults.stepz: no stage has an option 'stepz'; did you mean 'steps'?")]
    [InlineData("defaults.steps=-1", "$.defaults.steps: steps must be >= 0, was -1")]
    [InlineData("defaults.data.larges=1", "$.defaults.data.larges: unknown option 'larges'; did you mean 'largest'?")]
    [InlineData("defaults=3", "$.defaults: expected object, found 3")]
    public void A_shared_option_that_is_wrong_is_told_of_once_where_it_stands(string change, string message)
    {
        var error = Assert.Throws<ManifestException>(() => Bind("""{ "name": "a", "defaults": { "data": { "use": "arithmetic" } }, "stages": ["sft", "sft"] }""", change));
        Assert.StartsWith(message, error.Errors[0].ToString(), StringComparison.Ordinal);
        Assert.Single(error.Errors, wrong => wrong.Path.StartsWith("$.defaults", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{}", "$.name", "$.stages")]
    [InlineData("""{ "name": "a", "stages": [ { "use": "sft" } ] }""", "$.stages[0].data")]
    [InlineData("""{ "name": "a", "stages": [ { } ] }""", "$.stages[0]")]
    [InlineData("""{ "name": "a", "stages": [ 3 ] }""", "$.stages[0]")]
    [InlineData("""{ "name": "a", "stages": { } }""", "$.stages")]
    public void What_is_missing_is_named(string manifest, params string[] places) =>
        Assert.Equal(places, Assert.Throws<ManifestException>(() => Bind(manifest)).Errors.Select(error => error.Path));

    [Fact]
    public void Only_the_plugins_that_a_manifest_names_are_loaded()
    {
        Bind(Tiny.Manifest(Tiny.Sft()));
        Assert.Equal(["Arithmetic", "Bytes", "Plumbline.Training", "Sft", "Transformer"], _parts.Loaded.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("auto")]
    [InlineData("cpu")]
    [InlineData("cuda")]
    [InlineData("cuda:1")]
    public void A_device_has_one_of_four_forms(string name) => Assert.Null(Devices.Problem(name));

    [Theory]
    [InlineData("")]
    [InlineData("CPU")]
    [InlineData("cuda:")]
    [InlineData("cuda:-1")]
    [InlineData("mps")]
    public void Another_form_is_none(string name) => Assert.Contains($"'{name}'", Devices.Problem(name), StringComparison.Ordinal);

    private Manifest Bind(string manifest, params string[] changes)
    {
        var json = ManifestReader.Parse(manifest, "test");
        foreach (var change in changes)
        {
            Override.Parse(change).Apply(json);
        }

        return ManifestReader.Bind(json, _parts);
    }
}
