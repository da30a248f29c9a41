using static TorchSharp.torch;

namespace Plumbline.Training.Toys;

/// <summary>Options of <see cref="Blob8.Reward"/>.</summary>
public sealed record Blob8RewardOptions
{
    /// <summary>The mass that the reward of size likes best.</summary>
    [Positive]
    public double SizeTarget { get; init; } = 1.6;
}

/// <summary>What an 8 by 8 image of a blob is worth; [N] each.</summary>
/// <param name="Mass">10 times the mean brightness; differentiable, without a bound below 10.</param>
/// <param name="Coverage">10 times the share of bright pixels; not differentiable.</param>
/// <param name="Size">Largest where the mass is the target: it shows when a reward is pushed too far.</param>
/// <param name="PromptOk">1 where the centre of brightness lies in the quadrant of the class, else 0.</param>
public sealed record Blob8Rewards(Tensor Mass, Tensor Coverage, Tensor Size, Tensor PromptOk);

/// <summary>A toy of images: one bright blob of 8 by 8 pixels in [-1,1]; its class is the quadrant it lies in.</summary>
public static class Blob8
{
    /// <summary>Pixels a side.</summary>
    public const int Side = 8;

    /// <summary>Classes: the quadrants.</summary>
    public const int Classes = 4;

    private const double Middle = 3.5;

    /// <summary>images [N,8,8]: 2a·exp(-((x-cx)²+(y-cy)²)/(2s²)) - 1.</summary>
    /// <param name="params">[N,4] cx, cy, s, a.</param>
    [Target("diffusion-baseline/blob8")]
    public static Tensor Render(Tensor @params)
    {
        ArgumentNullException.ThrowIfNull(@params);
        Require(@params, "params");
        var (cx, cy, s, a) = (Column(@params, 0), Column(@params, 1), Column(@params, 2), Column(@params, 3));
        var (x, y) = Grid.Centres(Side, @params);
        return (2 * a * (-((x - cx).square() + (y - cy).square()) / (2 * s.square())).exp()) - 1;
    }

    /// <summary>cx, cy, s, a of a blob of a class, by four uniform numbers.</summary>
    /// <param name="class">0 … 3: right where odd, low where 2 or more.</param>
    /// <param name="draws">Keyed to the image.</param>
    public static double[] Draw(int @class, Draws draws) =>
    [
        (@class % 2 == 0 ? 1 : 4) + (2 * draws.Key(0).Uniform()),
        (@class / 2 == 0 ? 1 : 4) + (2 * draws.Key(1).Uniform()),
        0.8 + (0.8 * draws.Key(2).Uniform()),
        0.5 + (0.5 * draws.Key(3).Uniform()),
    ];

    /// <summary>mass, coverage, size, prompt_ok [N].</summary>
    /// <param name="images">[N,8,8], or [N,1,8,8].</param>
    /// <param name="classes">[N] int64.</param>
    /// <param name="options">What size is best.</param>
    [Target("diffusion-baseline/blob8_reward")]
    public static Blob8Rewards Reward(Tensor images, Tensor classes, Blob8RewardOptions options)
    {
        ArgumentNullException.ThrowIfNull(classes);
        ArgumentNullException.ThrowIfNull(options);
        var x = Grid.Images(images, Side);
        new Batch().With("images", x).With("classes", classes).RequireSameRows("images", "classes");
        var p = (x + 1) / 2;
        var mass = 10 * p.clamp(0, 1).mean([1, 2]);
        var bright = p.detach().clamp_min(0);
        var (columns, rows) = Grid.Centres(Side, bright);
        var total = bright.sum([1, 2]).clamp_min(1e-12);
        var (right, low) = ((bright * columns).sum([1, 2]) / total > Middle, (bright * rows).sum([1, 2]) / total > Middle);
        var ok = right.eq(classes.remainder(2).eq(1)).logical_and(low.eq(classes.ge(2)));
        return new Blob8Rewards(mass, 10 * (x > 0).to(x.dtype).mean([1, 2]), (-((mass - options.SizeTarget) / 0.4).square()).exp(), ok.to(x.dtype));
    }

    /// <summary>fidelity [N]: minus the least mean square error to a blob of a grid; 0 is a blob.</summary>
    /// <param name="images">[N,8,8], or [N,1,8,8].</param>
    [Target("diffusion-baseline/blob8_fidelity")]
    public static Tensor Fidelity(Tensor images)
    {
        var x = Grid.Images(images, Side).flatten(1).to(float64);
        using var inner = NewDisposeScope();
        var blobs = Render(tensor(Templates.Value, [Templates.Value.Length / 4, 4], device: x.device)).flatten(1);
        // |x - t|² = |x|² - 2 x·t + |t|²
        var errors = (blobs.square().sum(1) - (2 * x.matmul(blobs.t()))).min(1).values + x.square().sum(1);
        return (-errors / (Side * Side)).to(images.dtype).MoveToOuterDisposeScope();
    }

    private static Lazy<double[]> Templates { get; } = new(() =>
    [
        .. from cx in Enumerable.Range(0, 11).Select(i => 1 + (i / 2.0))
           from cy in Enumerable.Range(0, 11).Select(i => 1 + (i / 2.0))
           from s in new[] { 0.8, 1, 1.2, 1.4, 1.6 }
           from a in Enumerable.Range(5, 6).Select(i => i / 10.0)
           from number in new[] { cx, cy, s, a }
           select number,
    ]);

    private static Tensor Column(Tensor values, long i) => values.select(1, i).reshape(-1, 1, 1);

    private static void Require(Tensor values, string name)
    {
        if (values.dim() != 2 || values.shape[1] != 4)
        {
            throw new InvalidInputException($"the shape of '{name}' is [{string.Join(',', values.shape)}]; it must be [N,4]");
        }
    }
}
