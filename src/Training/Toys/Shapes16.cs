using static TorchSharp.torch;

namespace Plumbline.Training.Toys;

/// <summary>What a 16 by 16 image of a shape is worth.</summary>
/// <param name="Scores">[N,4] likeness to each class: the largest cosine similarity to its templates.</param>
/// <param name="Prompt">[N] the own class's score less the best of the others.</param>
/// <param name="Ink">[N] mean brightness.</param>
/// <param name="PromptOk">[N] 1 where the own class's score is the best, else 0.</param>
public sealed record Shapes16Rewards(Tensor Scores, Tensor Prompt, Tensor Ink, Tensor PromptOk);

/// <summary>A toy of images for convolutional networks: a disc, a square, a plus or a ring of 16 by 16 pixels in [-1,1].</summary>
public static class Shapes16
{
    /// <summary>Pixels a side.</summary>
    public const int Side = 16;

    /// <summary>Classes: 0 disc, 1 square, 2 plus, 3 ring.</summary>
    public const int Classes = 4;

    /// <summary>images [N,16,16]: 2a·clip(0.5-d,0,1) - 1, d the signed distance to the shape's edge.</summary>
    /// <param name="params">[N,4] cx, cy, r, a.</param>
    /// <param name="classes">[N] int64.</param>
    /// <exception cref="InvalidInputException">Shapes don't fit, or a class is none.</exception>
    [Target("diffusion-baseline/shapes16")]
    public static Tensor Render(Tensor @params, Tensor classes)
    {
        ArgumentNullException.ThrowIfNull(@params);
        ArgumentNullException.ThrowIfNull(classes);
        Require(@params, classes);
        var (cx, cy, r, a) = (Column(@params, 0), Column(@params, 1), Column(@params, 2), Column(@params, 3));
        var (x, y) = Grid.Centres(Side, @params);
        var (dx, dy) = ((x - cx).abs(), (y - cy).abs());
        var radius = (dx.square() + dy.square()).sqrt();
        Tensor[] distances =
        [
            radius - r,
            maximum(dx, dy) - r,
            minimum(maximum(dx - r, dy - (r / 3)), maximum(dy - r, dx - (r / 3))),
            (radius - r).abs() - (r / 4),
        ];
        var distance = zeros_like(radius);
        for (var k = 0; k < Classes; k++)
        {
            distance = where(classes.eq(k).reshape(-1, 1, 1), distances[k], distance);
        }

        return (2 * a * (0.5 - distance).clamp(0, 1)) - 1;
    }

    /// <summary>cx, cy, r, a of a shape, by four uniform numbers.</summary>
    /// <param name="draws">Keyed to the image.</param>
    public static double[] Draw(Draws draws) =>
    [
        5.5 + (4 * draws.Key(0).Uniform()),
        5.5 + (4 * draws.Key(1).Uniform()),
        2.5 + (2.5 * draws.Key(2).Uniform()),
        0.6 + (0.4 * draws.Key(3).Uniform()),
    ];

    /// <summary>scores [N,4]; prompt, ink, prompt_ok [N].</summary>
    /// <param name="images">[N,16,16], or [N,1,16,16].</param>
    /// <param name="classes">[N] int64.</param>
    [Target("diffusion-baseline/shapes16_reward")]
    public static Shapes16Rewards Reward(Tensor images, Tensor classes)
    {
        ArgumentNullException.ThrowIfNull(classes);
        var p = (Grid.Images(images, Side).flatten(1) + 1) / 2;
        new Batch().With("images", p).With("classes", classes).RequireSameRows("images", "classes");
        var templates = Unit((Render(
            tensor(Templates.Value, [Templates.Value.Length / 4, 4], dtype: p.dtype, device: p.device),
            arange(Classes, dtype: int64, device: p.device).repeat_interleave(Templates.Value.Length / 4 / Classes)).flatten(1) + 1) / 2);
        var scores = Unit(p).matmul(templates.t()).reshape(p.shape[0], Classes, -1).amax([2]);
        var own = scores.take_along_dim(classes.unsqueeze(1), 1);
        var others = scores.masked_fill(classes.unsqueeze(1).eq(arange(Classes, dtype: int64, device: p.device)), double.NegativeInfinity);
        var prompt = own.squeeze(1) - others.amax([1]);
        return new Shapes16Rewards(scores, prompt, p.mean([1]), prompt.detach().gt(0).to(p.dtype));
    }

    /// <summary>The same places and sizes for each class, a = 1.</summary>
    private static Lazy<double[]> Templates { get; } = new(() =>
    [
        .. from k in Enumerable.Range(0, Classes)
           from cx in Enumerable.Range(5, 6)
           from cy in Enumerable.Range(5, 6)
           from r in new[] { 2.5, 3.5, 4.5 }
           from number in new[] { cx, cy, r, 1.0 }
           select number,
    ]);

    private static Tensor Unit(Tensor rows) => rows / rows.square().sum(1, keepdim: true).sqrt().clamp_min(1e-8);

    private static Tensor Column(Tensor values, long i) => values.select(1, i).reshape(-1, 1, 1);

    private static void Require(Tensor values, Tensor classes)
    {
        if (values.dim() != 2 || values.shape[1] != 4 || classes.dim() != 1 || classes.shape[0] != values.shape[0])
        {
            throw new InvalidInputException($"the shape of 'params' is [{string.Join(',', values.shape)}] and that of 'classes' [{string.Join(',', classes.shape)}]; they must be [N,4] and [N]");
        }

        if (classes.numel() > 0 && (classes.min().ToInt64() < 0 || classes.max().ToInt64() >= Classes))
        {
            throw new InvalidInputException($"classes must lie in 0 … {Classes - 1}");
        }
    }
}
