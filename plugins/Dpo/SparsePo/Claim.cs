using System.Text.Json.Nodes;
using Plumbline.Training;
using static TorchSharp.torch;

namespace Plumbline.Plugins.SparsePo;

/// <summary>Belongs to the claim of <c>sparsepo</c>: writes decisions into pairs of letters. At every even place, half of the time, the letter h and after it a (mostly in chosen answers) or b (mostly in rejected ones).</summary>
[Transform("sparsepo-decisive")]
public sealed class DecisivePairs : ITransform
{
    /// <inheritdoc/>
    public IReadOnlyList<Example> Apply(IReadOnlyList<Example> rows, Draws draws, CancellationToken cancel) => [.. rows.Select(row =>
    {
        var changed = (JsonObject)row.Columns.DeepClone();
        changed["chosen"] = Decided(row.Text("chosen"), 0.8, draws.Key(row.Index).Key("chosen"));
        changed["rejected"] = Decided(row.Text("rejected"), 0.2, draws.Key(row.Index).Key("rejected"));
        return row with { Columns = changed };
    })];

    private static string Decided(string answer, double good, Draws draws)
    {
        var letters = answer.ToCharArray();
        for (var place = 0; place + 1 < letters.Length; place += 2)
        {
            if (draws.Key(place).Key("write").Uniform() < 0.5)
            {
                (letters[place], letters[place + 1]) = ('h', draws.Key(place).Key("good").Uniform() < good ? 'a' : 'b');
            }
        }

        return new string(letters);
    }
}

/// <summary>Belongs to the claim of <c>sparsepo</c>: adds nothing to the loss, and tells the mean mask of the chosen answers at the places after an h over that at the other places.</summary>
[Objective("sparsepo-decisive")]
public sealed class DecisiveMask : PairObjective
{
    private const long H = 7;

    /// <inheritdoc/>
    public override Loss Compute(PairBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (tokens, mask, values) = (batch["chosen_tokens"], batch.ChosenMask, batch["chosen_reward_mask"].detach());
        var decisive = cat([zeros_like(mask.narrow(1, 0, 1)), Masked.Indicator(tokens.narrow(1, 0, tokens.shape[1] - 1).eq(H), mask)], 1) * mask;
        var (there, elsewhere) = (Masked.Mean(values, decisive), Masked.Mean(values, mask - decisive));
        return new Loss(zeros_like(there)) { ["decisive"] = there, ["other"] = elsewhere, ["ratio"] = there / elsewhere.clamp_min(1e-9) };
    }
}
