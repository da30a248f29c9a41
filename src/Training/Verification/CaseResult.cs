namespace Plumbline.Training.Verification;

/// <summary>What came of one reference case.</summary>
/// <param name="Paper">The paper's id.</param>
/// <param name="Target">What was checked.</param>
/// <param name="Case">The case's name.</param>
/// <param name="Passed">Whether everything agreed.</param>
/// <param name="Message">Where it failed: which output or gradient, at which index, what was expected and what came. Empty where it passed.</param>
public sealed record CaseResult(string Paper, string Target, string Case, bool Passed, string Message)
{
    /// <summary>The result on one line.</summary>
    public override string ToString() => Passed ? $"ok      {Target}: {Case}" : $"FAILED  {Target}: {Case}: {Message}";
}
