using System.Reflection;
using Plumbline.Training.Verification;
using Xunit;

namespace Plumbline.Testing;

/// <summary>Every reference case in the folder <c>vectors</c> beside the tests, as a test each: outputs, gradients of the loss, refusals, in float64.</summary>
/// <typeparam name="TPart">Any public class of the plugin's assembly; a case's target is found there, as <c>plumb verify</c> finds it.</typeparam>
/// <example><c>public sealed class MyMethodCases : ReferenceCases&lt;MyMethod&gt;;</c></example>
public abstract class ReferenceCases<TPart>
{
    private static readonly VectorChecker Checker = new([typeof(TPart).Assembly, typeof(VectorChecker).Assembly]);

    /// <summary>File, place within it and words of each case.</summary>
    /// <exception cref="PlumblineException">There is no folder <c>vectors</c>, or no case in it.</exception>
    public static TheoryData<string, int, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, int, string>();
            if (!Directory.Exists(Folder))
            {
                throw new PlumblineException($"there is no folder {Folder}; copy the reference cases there: <None Include=\"vectors/*.json\" CopyToOutputDirectory=\"PreserveNewest\" />");
            }

            foreach (var path in Directory.EnumerateFiles(Folder, "*.json").Order(StringComparer.Ordinal))
            {
                var file = VectorFile.Read(path);
                for (var i = 0; i < file.Cases.Count; i++)
                {
                    cases.Add(file.Paper, i, $"{file.Cases[i].Target}: {file.Cases[i].Name}");
                }
            }

            return cases.Count > 0 ? cases : throw new PlumblineException($"there is no reference case in {Folder}; a test that checks nothing would pass");
        }
    }

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "vectors");

    /// <summary>The case's outputs, gradients or refusal are the reference's.</summary>
    [Theory]
    [MemberData(nameof(Cases))]
    public void Agrees_with_the_reference(string paper, int index, string name)
    {
        var result = Checker.Check(paper, VectorFile.Read(Path.Combine(Folder, paper + ".json")).Cases[index]);
        Assert.True(result.Passed, $"{name}: {result.Message}");
    }
}
