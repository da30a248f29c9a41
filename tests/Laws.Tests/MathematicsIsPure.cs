namespace Plumbline.Tests.Laws;

/// <summary>A method owns no file, clock, random source or process: what it needs is given to it.</summary>
public sealed class MathematicsIsPure
{
    private static readonly string[] Namespaces = ["System.IO.", "System.Net.", "System.Diagnostics.Process", "System.Security.Cryptography."];

    private static readonly HashSet<string> Types =
        ["System.Random", "System.DateTime", "System.DateTimeOffset", "System.Diagnostics.Stopwatch", "System.TimeProvider", "System.Environment", "System.Console", "System.Threading.Thread", "System.Threading.Timer"];

    private static readonly HashSet<string> RandomOperators =
    [
        "rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like", "bernoulli", "multinomial", "normal", "poisson", "dropout", "manual_seed",
        "bernoulli_", "normal_", "uniform_", "random_", "exponential_", "geometric_", "cauchy_", "log_normal_",
    ];

    public static TheoryData<string> Methods => [.. Tree.Methods.Select(plugin => plugin.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void A_method_touches_no_file_clock_chance_or_process(string name) =>
        Assert.Empty(Impurities(Tree.Methods.Single(plugin => plugin.Name == name).Header!.Path));

    [Fact]
    public void What_is_impure_is_found()
    {
        var found = Impurities(Path.Combine(Repository.TestPlugins, "Trouble", "Plumbline.Plugins.Trouble.dll"));
        Assert.Superset(new HashSet<string> { "System.Environment", "System.Console", "System.Diagnostics.Process", "System.Threading.Thread" }, found.ToHashSet());
    }

    private static IEnumerable<string> Impurities(string assembly)
    {
        var metadata = Metadata.Of(assembly);
        // An iterator that the compiler writes asks for its thread's number.
        var innocent = metadata.Members.Where(member => member.Type == "System.Environment").All(member => member.Member == "get_CurrentManagedThreadId");
        return metadata.Types.Where(type => type != "System.Environment" || !innocent).Where(type => Types.Contains(type) || Namespaces.Any(start => type.StartsWith(start, StringComparison.Ordinal)))
            .Concat(metadata.Members
                .Where(member => member.Type.StartsWith("TorchSharp.", StringComparison.Ordinal) && RandomOperators.Contains(member.Member))
                .Select(member => $"{member.Member} of {member.Type}"));
    }
}
