namespace Plumbline.Plugins.SparsePo;

/// <summary>Where the token masks come from.</summary>
public enum MaskSource
{
    /// <summary>A small head on the reference's hidden states that trains along (SparsePO).</summary>
    Learned,

    /// <summary>The reference's activations, without parameters (MaPO); here the mean of the stream after each layer.</summary>
    Activation,
}

/// <summary>Options of <c>sparsepo</c>.</summary>
public sealed record SparsePoOptions
{
    /// <summary>Strength of the pull towards the reference; the scale of the implicit reward.</summary>
    [Positive]
    public double Beta { get; init; } = 0.1;

    /// <summary>Where the masks come from.</summary>
    public MaskSource Mask { get; init; } = MaskSource.Learned;

    /// <summary>One mask for reward and KL; false: each has its own. One of activations always serves both.</summary>
    public bool CommonMask { get; init; } = true;

    /// <summary>Mask the tokens' rewards.</summary>
    public bool MaskOnReward { get; init; } = true;

    /// <summary>Mask the tokens' KL terms.</summary>
    public bool MaskOnKl { get; init; } = true;

    /// <summary>Weight of the reward masks' sums: what makes them sparse.</summary>
    [NonNegative]
    public double L1Reward { get; init; }

    /// <summary>Weight of the KL masks' sums.</summary>
    [NonNegative]
    public double L1Kl { get; init; }

    /// <summary>Peak learning rate of the mask head; null: the policy's.</summary>
    [Positive]
    public double? MaskLearningRate { get; init; }

    /// <summary>Weight decay of the mask head.</summary>
    [NonNegative]
    public double MaskWeightDecay { get; init; } = 0.01;

    /// <summary>Dropout in the mask head, after each layer's score and after their mixture.</summary>
    [Interval(0, 1, BelowTo = true)]
    public double MaskDropout { get; init; } = 0.01;
}

/// <summary>Options of the learned mask.</summary>
public sealed record LearnedMaskOptions
{
    /// <summary>Added to the variance in the layer norm.</summary>
    [Positive]
    public double NormEpsilon { get; init; } = 1e-5;
}
