using Plumbline.Training.Verification;

namespace Plumbline.Tests.Plugins;

public sealed class ReferenceVectors
{
    /// <summary>Every plugin that was built with the tests.</summary>
    internal static readonly System.Reflection.Assembly[] Plugins =
    [
        .. Directory.EnumerateFiles(AppContext.BaseDirectory, "Plumbline.Plugins.*.dll").Order(StringComparer.Ordinal)
            .Select(path => System.Reflection.Assembly.Load(Path.GetFileNameWithoutExtension(path))),
    ];

    private static readonly VectorChecker Checker = new(Plugins);

    public static TheoryData<string, int, string> Cases()
    {
        var cases = new TheoryData<string, int, string>();
        foreach (var path in Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal))
        {
            var file = VectorFile.Read(path);
            for (var i = 0; i < file.Cases.Count; i++)
            {
                cases.Add(file.Paper, i, $"{file.Cases[i].Target}: {file.Cases[i].Name}");
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Every_case_agrees_with_the_reference(string paper, int index, string name)
    {
        var file = VectorFile.Read(Path.Combine(Folder, paper + ".json"));
        var result = Checker.Check(paper, file.Cases[index]);
        Assert.True(result.Passed, $"{name}: {result.Message}");
    }

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "vectors");
}
