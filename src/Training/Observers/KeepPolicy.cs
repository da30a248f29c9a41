namespace Plumbline.Training;

/// <summary>Options of <c>keep-policy</c>.</summary>
public sealed record KeepPolicyOptions : IChecksItself
{
    /// <summary>The role by which later parts find the copy.</summary>
    public required string Role { get; init; }

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Role is "" or "policy" or "reference")
        {
            yield return $"role must be a name of its own, was '{Role}': policy and reference are the stages' own";
        }
    }
}

/// <summary>Keeps a frozen copy of the policy as it was before the stage's first step, for later parts to compare with.</summary>
[Observer("keep-policy")]
public sealed class KeepPolicy(KeepPolicyOptions options, StageContext stage) : IObserver
{
    /// <inheritdoc/>
    public void OnBegin(int steps, IRecorder recorder) => stage.Run.Models.Set(options.Role, stage.Run.Models.Get<IModel>("policy").Freeze());

    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;
}
