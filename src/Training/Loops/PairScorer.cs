using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Pairs of sequences to the batch that a pair objective reads: one forward of the policy, and of the reference where it is needed.</summary>
internal sealed class PairScorer(ICausalModel policy, ICausalModel? reference, Needs needs, double temperature = 1.0)
{
    private readonly SequenceScorer _policy = new(policy, temperature);
    private readonly SequenceScorer? _reference = reference is null ? null : new SequenceScorer(reference, temperature);

    /// <summary>The needs for which a reference must be at hand.</summary>
    internal const Needs OfReference = Needs.Reference | Needs.ReferenceLogits | Needs.ReferenceHiddenStates;

    /// <summary>The batch of B pairs.</summary>
    /// <param name="chosen">[B].</param>
    /// <param name="rejected">[B].</param>
    /// <param name="stored">[2B,T] log-probabilities under the reference, where they are known already.</param>
    internal PairBatch Score(IReadOnlyList<PromptedSequence> chosen, IReadOnlyList<PromptedSequence> rejected, Tensor? stored = null)
    {
        PromptedSequence[] both = [.. chosen, .. rejected];
        var scored = _policy.Score(both, needs);
        var batch = new PairBatch();
        Add(batch, "policy_{0}_logps", scored.Logps);
        Add(batch, "{0}_mask", scored.Mask);
        Add(batch, "{0}_tokens", scored.Tokens);
        Add(batch, "policy_{0}_logits", scored.Logits);
        Add(batch, "policy_{0}_entropies", scored.Entropies);
        if (_reference is null)
        {
            return batch;
        }

        using var still = no_grad();
        if (stored is not null && !needs.HasFlag(Needs.ReferenceLogits))
        {
            Add(batch, "reference_{0}_logps", stored.to_type(scored.Logps.dtype));
        }
        else
        {
            var frozen = _reference.Score(both, needs.HasFlag(Needs.ReferenceLogits) ? Needs.Logits : Needs.None);
            Add(batch, "reference_{0}_logps", frozen.Logps);
            Add(batch, "reference_{0}_logits", frozen.Logits);
        }

        if (needs.HasFlag(Needs.ReferenceHiddenStates))
        {
            var layers = _reference.HiddenStates(both);
            var half = both.Length / 2;
            batch.With("reference_chosen_hidden_states", layers.narrow(1, 0, half)).With("reference_rejected_hidden_states", layers.narrow(1, half, half));
        }

        return batch;
    }

    /// <summary>The mean log-probability of the answers of each side: a pair loss can fall while both fall.</summary>
    internal static void Tell(PairBatch batch, Dictionary<string, double> metrics)
    {
        var pairs = batch.ChosenMask.shape[0];
        metrics["chosen_logps"] = batch.PolicyChosenLogps.detach().sum().ToDouble() / pairs;
        metrics["rejected_logps"] = batch.PolicyRejectedLogps.detach().sum().ToDouble() / pairs;
    }

    /// <summary>Adds both halves of a tensor [2B,...], each under its side's name; a null adds nothing.</summary>
    internal static void Add(PairBatch batch, string name, Tensor? both)
    {
        if (both is null)
        {
            return;
        }

        var half = both.shape[0] / 2;
        batch.With(string.Format(System.Globalization.CultureInfo.InvariantCulture, name, "chosen"), both.narrow(0, 0, half))
            .With(string.Format(System.Globalization.CultureInfo.InvariantCulture, name, "rejected"), both.narrow(0, half, half));
    }
}

/// <summary>The frozen copy that a stage measures its policy against.</summary>
public static class ReferencePolicy
{
    /// <summary>The policy as it is now, frozen, in the role <c>reference</c>; the one before is gone.</summary>
    public static ICausalModel Freeze(StageContext stage) => Freeze<ICausalModel>(stage);

    /// <summary>The same for a policy of another sort.</summary>
    public static TModel Freeze<TModel>(StageContext stage)
        where TModel : class, IModel
    {
        ArgumentNullException.ThrowIfNull(stage);
        var reference = (TModel)stage.Run.Models.Get<TModel>("policy").Freeze();
        stage.Run.Models.Set("reference", reference);
        return reference;
    }
}
