using Plumbline.Host.Manifests;

namespace Plumbline.Tests.Host.Manifests;

public sealed class OverrideTests
{
    [Theory]
    [InlineData("seed=3", "3")]
    [InlineData("seed=-1.5e-4", "-1.5e-4")]
    [InlineData("seed=true", "true")]
    [InlineData("seed=null", "null")]
    [InlineData("seed=\"3\"", "\"3\"")]
    [InlineData("seed=cuda:0", "\"cuda:0\"")]
    [InlineData("seed=a=b", "\"a=b\"")]
    [InlineData("seed=", "\"\"")]
    [InlineData("seed=[1, 2]", "[1,2]")]
    [InlineData("seed={\"use\": \"jsonl\"}", "{\"use\":\"jsonl\"}")]
    public void A_value_is_JSON_where_it_is_valid_JSON_and_text_otherwise(string change, string value)
    {
        var manifest = Changed("{}", change);
        Assert.Equal(value, manifest["seed"]?.ToJsonString() ?? "null");
        Assert.True(manifest.ContainsKey("seed"));
    }

    [Theory]
    [InlineData("stages[1].beta=2", """{"stages":[{"use":"sft"},{"use":"dpo","beta":2}]}""")]
    [InlineData("$.stages[0].use=grpo", """{"stages":[{"use":"grpo"},{"use":"dpo","beta":1}]}""")]
    [InlineData("stages[0]={\"use\":\"ppo\"}", """{"stages":[{"use":"ppo"},{"use":"dpo","beta":1}]}""")]
    [InlineData("stages[2]=sft", """{"stages":[{"use":"sft"},{"use":"dpo","beta":1},"sft"]}""")]
    [InlineData("stages[0].data.path=x.jsonl", """{"stages":[{"use":"sft","data":{"path":"x.jsonl"}},{"use":"dpo","beta":1}]}""")]
    [InlineData("new=1", """{"stages":[{"use":"sft"},{"use":"dpo","beta":1}],"new":1}""")]
    public void A_path_leads_through_names_and_places(string change, string expected) =>
        Assert.Equal(expected, Changed("""{"stages":[{"use":"sft"},{"use":"dpo","beta":1}]}""", change).ToJsonString());

    [Theory]
    [InlineData("""{"sampler":"kv-cache"}""", "sampler.temperature=0.5", """{"sampler":{"use":"kv-cache","temperature":0.5}}""")]
    [InlineData("""{"rewards":["exact-answer","brevity"]}""", "rewards[1].longest=8", """{"rewards":["exact-answer",{"use":"brevity","longest":8}]}""")]
    [InlineData("""{"model":null}""", "model.layers=1", """{"model":{"layers":1}}""")]
    public void A_part_written_as_its_id_is_opened_into_an_object(string before, string change, string after) => Assert.Equal(after, Changed(before, change).ToJsonString());

    [Fact]
    public void Changes_are_made_in_the_order_they_are_given()
    {
        var manifest = new JsonObject { ["a"] = 1 };
        foreach (var change in new[] { "a=2", "b.c=3", "b.d=4", "a=5" })
        {
            Override.Parse(change).Apply(manifest);
        }

        Assert.Equal("""{"a":5,"b":{"c":3,"d":4}}""", manifest.ToJsonString());
    }

    [Fact]
    public void One_change_can_be_made_to_several_manifests()
    {
        var change = Override.Parse("data={\"use\":\"jsonl\"}");
        var (first, second) = (new JsonObject(), new JsonObject());
        change.Apply(first);
        change.Apply(second);
        first["data"]!["path"] = "x";
        Assert.Null(second["data"]!["path"]);
    }

    [Theory]
    [InlineData("seed", "expected path=value")]
    [InlineData("=3", "expected path=value")]
    [InlineData("a..b=1", "'a..b' is no path")]
    [InlineData("[0]=1", "'[0]' is no path")]
    [InlineData("stages[x]=1", "'stages[x]' is no path")]
    [InlineData("stages[-1]=1", "'stages[-1]' is no path")]
    [InlineData("stages[7]=1", "there is no place 7; the list has 2")]
    [InlineData("stages[7].beta=1", "there is no place 7; the list has 2")]
    [InlineData("stages.beta=1", "$.stages is a list: name a place, such as [0]")]
    [InlineData("seed.x=1", "$.seed is a value, not an object")]
    [InlineData("stages[0].steps.x=1", "$.stages[0].steps is a value, not an object")]
    [InlineData("model[0]=1", "$.model is no list")]
    public void A_change_that_can_not_be_made_is_refused_with_its_own_text(string change, string reason)
    {
        var error = Assert.Throws<ManifestException>(() => Changed("""{"seed":1,"model":{},"stages":[{"steps":3},{}]}""", change));
        Assert.Contains($"--set {change}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    private static JsonObject Changed(string manifest, string change)
    {
        var json = JsonNode.Parse(manifest)!.AsObject();
        Override.Parse(change).Apply(json);
        return json;
    }
}
