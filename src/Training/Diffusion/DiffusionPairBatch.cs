namespace Plumbline.Training.Diffusion;

/// <summary>Pairs of a better and a worse sample, each with noise added: what a network should say of it, and what policy and reference say.</summary>
/// <remarks>On the diffusion path the batch has also <c>alphas_cumprod</c> [T] and <c>timesteps</c> [B] int64; on the flow path <c>sigmas</c> [B]. Both members of a pair share the time.</remarks>
public sealed class DiffusionPairBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public DiffusionPairBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled.</summary>
    public DiffusionPairBatch()
    {
    }

    /// <summary>[B,...] what the network should predict for the better sample.</summary>
    public Tensor ChosenTarget => this["chosen_target"];

    /// <summary>[B,...] what the network should predict for the worse sample.</summary>
    public Tensor RejectedTarget => this["rejected_target"];

    /// <summary>[B,...] what the policy predicts for the better sample, with gradient.</summary>
    public Tensor PolicyChosenPrediction => this["policy_chosen_prediction"];

    /// <summary>[B,...] what the policy predicts for the worse sample, with gradient.</summary>
    public Tensor PolicyRejectedPrediction => this["policy_rejected_prediction"];

    /// <summary>[B,...] what the reference predicts for the better sample; there where the objective needs the reference.</summary>
    public Tensor ReferenceChosenPrediction => this["reference_chosen_prediction"];

    /// <summary>[B,...] what the reference predicts for the worse sample; there where the objective needs the reference.</summary>
    public Tensor ReferenceRejectedPrediction => this["reference_rejected_prediction"];
}

/// <summary>An objective over pairs of a better and a worse sample of a model that denoises.</summary>
public abstract class DiffusionPairObjective : Objective<DiffusionPairBatch>;
