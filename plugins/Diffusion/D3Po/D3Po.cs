using Plumbline.Training;
using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.D3Po;

/// <summary>D3PO: DPO on every denoising step of two trajectories from one noise, by a preference between their final samples.</summary>
/// <remarks>
/// Inputs: first_logps, second_logps, first_reference_logps, second_reference_logps, mask [N,S]; preference [N,2], rows (1,-1), (-1,1) or (0,0) for a tie.
/// Outputs: loss, implicit_accuracy, clipped_fraction. The clamp is on the logarithm of the ratio: the same value and gradient as on the ratio, and it can't overflow.
/// </remarks>
[Algorithm("d3po", Loop.DiffusionRollouts, Paper = "2311.13231", Title = "Using Human Feedback to Fine-tune Diffusion Models without Any Reward Model")]
[Default("sampler.group_size", 2)]
[Default("sampler.shared_noise", true)]
[Default("learning_rate", 3e-5)]
[Default("weight_decay", 1e-4)]
public sealed class D3Po(D3PoOptions options) : TransitionObjective
{
    /// <inheritdoc/>
    public override LearnsFrom LearnsFrom => LearnsFrom.Preferences;

    /// <inheritdoc/>
    public override ISampleJudge Judge => new Judgement(new PreferenceOptions());

    /// <inheritdoc/>
    public override Needs Needs => Needs.Reference | Needs.Rewards;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Coefficients => new Dictionary<string, double> { ["beta"] = options.Beta };

    /// <summary>The mean over pairs and steps of -log σ(β (p₁ v₁ + p₂ v₂)), where v is the clamped logarithm of a step's ratio to the reference.</summary>
    public override Loss Compute(TransitionBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        batch.RequireSameShape("first_logps", "second_logps", "first_reference_logps", "second_reference_logps", "mask");
        var (preference, mask) = (Preference(batch), batch["mask"]);
        if (mask.sum().ToDouble() == 0)
        {
            throw new InvalidInputException("the 'mask' is 0 everywhere: this batch has no step to learn from");
        }

        var (first, second) = (Ratio("first"), Ratio("second"));
        var z = (batch.Number("beta") ?? options.Beta) * ((preference.narrow(1, 0, 1) * Clamped(first)) + (preference.narrow(1, 1, 1) * Clamped(second)));
        return new Loss(-Mean(nn.functional.logsigmoid(z)))
        {
            ["implicit_accuracy"] = Mean(Masked.Indicator(z.detach().gt(0), mask)),
            ["clipped_fraction"] = 0.5 * (Mean(Outside(first)) + Mean(Outside(second))),
        };

        Tensor Ratio(string side) => batch[side + "_logps"] - batch[side + "_reference_logps"].detach();

        Tensor Outside(Tensor ratio) => Masked.Indicator(ratio.detach().ne(Clamped(ratio.detach())), mask);

        Tensor Mean(Tensor values) => (values * mask).sum() / mask.sum();
    }

    private Tensor Clamped(Tensor ratio) => ratio.clamp(Math.Log(1 - options.Epsilon), Math.Log(1 + options.Epsilon));

    private static Tensor Preference(Batch batch)
    {
        var (preference, rows) = (batch["preference"], batch["first_logps"].shape[0]);
        if (preference.dim() != 2 || preference.shape[0] != rows || preference.shape[1] != 2)
        {
            throw new InvalidInputException($"the shape of 'preference' is [{string.Join(',', preference.shape)}], and [{rows},2] is needed: a number for each side of a pair");
        }

        if (preference.abs().ne(1).logical_and(preference.ne(0)).any().ToBoolean())
        {
            throw new InvalidInputException("'preference' may hold -1, 0 and 1 alone: 1 for the preferred side, -1 for the other, 0 for both of a tie");
        }

        return preference;
    }
}
