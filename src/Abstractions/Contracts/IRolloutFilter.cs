namespace Plumbline;

/// <summary>Which completions of a sampled batch learn, and how much: pure mathematics between scoring and updating.</summary>
[Kind(Kinds.Filter)]
public interface IRolloutFilter
{
    /// <summary>Uniform numbers it reads for each group; 0: none.</summary>
    int DrawsPerGroup => 0;

    /// <summary>Chooses or weighs the completions of a whole rollout batch.</summary>
    /// <param name="batch">
    /// rewards [N], the sum of the scores, before any penalty; group_ids [N] int64; where <see cref="DrawsPerGroup"/> is k > 0, draws [G,k] uniform in [0,1),
    /// a row for each group in the order of its first completion.
    /// </param>
    /// <returns>
    /// Either indices [M] int64, the rows to learn from, where one may come several times; or sample_weights [N], each at least 0: a row of weight 0 is left
    /// out. Further outputs are logged.
    /// </returns>
    /// <exception cref="InvalidInputException">The inputs can't be right; the message names one.</exception>
    Outputs Filter(Batch batch);
}
