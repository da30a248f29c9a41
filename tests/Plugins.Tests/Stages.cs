using Plumbline.Options;
using Plumbline.Training.Verification;

namespace Plumbline.Tests.Plugins;

/// <summary>A stage that names an algorithm mixes the method's keys with the loop's.</summary>
public sealed class Stages
{
    private static readonly LoadedParts Parts = new(ReferenceVectors.Plugins.Append(typeof(LoadedParts).Assembly));

    public static TheoryData<string> Algorithms => [.. Parts.Ids(Kinds.Algorithm).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Algorithms))]
    public void A_method_shares_no_key_with_its_loop_and_its_defaults_are_the_loops(string id)
    {
        var algorithm = Parts.Find(Kinds.Algorithm, id)!;
        var keys = OptionDescription.KeysOf(Parts.Find(Kinds.Loop, algorithm.Loop!)!.OptionsType!);
        Assert.Contains(algorithm.Slot!, keys);
        Assert.Empty(algorithm.OptionsType is null ? [] : OptionDescription.KeysOf(algorithm.OptionsType).Intersect(keys));
        Assert.All(algorithm.Defaults, @default => Assert.Contains(@default.Path.Split('.')[0], keys));
    }

    [Fact]
    public void An_advantage_for_another_loop_is_refused_where_the_manifest_is_read()
    {
        var refused = Assert.Throws<ManifestException>(() => Runs.StageRun.Bind<ILoop>(new() { ["use"] = "grpo", ["data"] = "small", ["rewards"] = new System.Text.Json.Nodes.JsonArray("small-reward"), ["advantage"] = "gae" }));
        Assert.Contains("advantage 'gae' is a ITokenAdvantage, and a IGroupAdvantage is needed here", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loops_own_defaults_name_parts_that_come_with_them()
    {
        var named = Parts.Ids(Kinds.Loop).SelectMany(id => Parts.Find(Kinds.Loop, id)!.Defaults).Where(@default => @default.Path is "advantage" or "token_reward").ToArray();
        Assert.NotEmpty(named);
        Assert.All(named, @default => Assert.NotNull(Parts.Find(@default.Path.Replace('_', '-'), (string)@default.Value)));
    }
}
