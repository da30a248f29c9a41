using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Notices that the rewards of many episodes held no information, and that a critic which learns with the policy does not learn.</summary>
internal sealed class DecisionWatch(IRecorder recorder)
{
    private const int Patience = 20;
    private readonly Dictionary<string, int> _idle = [];
    private readonly HashSet<string> _told = [];
    private double? _first;
    private int _equal;

    /// <summary>Takes the episodes of a step.</summary>
    internal void See(Experience played)
    {
        var rewards = played.Rewards.masked_select(played.Mask.gt(0));
        _first ??= rewards[0].ToDouble();
        _equal = rewards.ne(_first.Value).any().ToBoolean() ? 0 : _equal + 1;
        if (_equal >= Patience)
        {
            End();
        }
    }

    /// <summary>Takes the norm of a critic's gradient.</summary>
    /// <param name="norm">The metric's name.</param>
    /// <param name="metrics">Those of a step.</param>
    internal void See(string norm, Dictionary<string, double> metrics)
    {
        _idle[norm] = metrics.TryGetValue(norm, out var value) && value == 0 ? _idle.GetValueOrDefault(norm) + 1 : 0;
        if (_idle[norm] >= Patience && _told.Add(norm))
        {
            recorder.Diagnose(new Diagnosis("idle-critic", $"{norm} was exactly zero at each of the last {Patience} steps: that critic learns nothing. A weight of 0 for its loss, or a combination of critics in which it never counts, does this"));
        }
    }

    /// <summary>At the stage's end: fewer steps count too.</summary>
    internal void End()
    {
        if (_equal > 0 && _told.Add("rewards"))
        {
            recorder.Diagnose(new Diagnosis("equal-rewards", $"every reward of the last {_equal} steps was {_first}: nothing tells a good decision from a bad one. The environment's reward may be too rare for the policy to meet"));
        }
    }

    /// <summary>Refuses a critic that the loss never reached.</summary>
    /// <exception cref="PlumblineException">It has no gradient at all.</exception>
    internal static void RequireTrained(ValueNetwork critic, string sees, string objective)
    {
        if (critic.Parameters.All(parameter => parameter.grad is null))
        {
            throw new PlumblineException($"nothing trains the critic of {sees}: objective '{objective}' has no loss for it. Set critic_epochs, so that it is fitted to the returns by itself, or add a term that has one, such as value-loss");
        }
    }
}
