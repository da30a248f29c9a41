namespace Plumbline.Training.Search;

/// <summary>How a tree search values a node before anything below it was seen: confidence, less the deeper it lies, and the outcome at the end.</summary>
public static class StaticValue
{
    /// <summary>The value of a node.</summary>
    /// <param name="confidence">How sure the policy is that the path so far is right, in [0,1].</param>
    /// <param name="parentDepth">Steps from the root to its parent.</param>
    /// <param name="parentValue">Its parent's value, which stands in where its own would be exactly 0.</param>
    /// <param name="outcome">1 where the path ends right, -1 where it ends wrong, 0 where it goes on.</param>
    /// <param name="novel">Whether a right path is no part of the worked solution.</param>
    /// <param name="longDepth">Confidence is divided by how many steps the parent lies below this depth, where that is more than 1.</param>
    /// <param name="noveltyBonus">What a right and novel path counts instead of 1.</param>
    /// <param name="multipleChoice">A right path adds nothing at parent depth 0, a half at 1 and 1 deeper, without a bonus.</param>
    /// <exception cref="InvalidInputException">The confidence is no probability; the message holds <c>confidences</c>.</exception>
    public static double Of(double confidence, int parentDepth, double parentValue, int outcome, bool novel, int longDepth, double noveltyBonus, bool multipleChoice)
    {
        if (!(confidence >= 0 && confidence <= 1))
        {
            throw new InvalidInputException($"'confidences' must lie in [0, 1], one is {confidence}");
        }

        var value = confidence / Math.Max(parentDepth - longDepth, 1);
        return (value == 0 ? parentValue : value) + outcome switch
        {
            0 => 0,
            < 0 => -1,
            _ when multipleChoice => Math.Min(parentDepth / 2.0, 1),
            _ => novel ? noveltyBonus : 1,
        };
    }
}
