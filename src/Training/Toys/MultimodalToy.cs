using static TorchSharp.torch;

namespace Plumbline.Training.Toys;

/// <summary>Options of <see cref="MultimodalToy.Scene"/>.</summary>
public sealed record SceneOptions
{
    /// <summary>How often the partner of a present anchor is present too: what a text learns to expect.</summary>
    [Interval(0, 1)]
    public double Cooccurrence { get; init; } = 0.9;
}

/// <summary>Options of <see cref="MultimodalToy.Caption"/>.</summary>
public sealed record CaptionOptions
{
    /// <summary>The longest caption, its end included.</summary>
    [Positive]
    public int MaxTokens { get; init; } = 8;
}

/// <summary>Scenes of objects and what a camera sees of them.</summary>
/// <param name="Objects">[N,12] 1 where present.</param>
/// <param name="Features">[N,D].</param>
public sealed record Scenes(Tensor Objects, Tensor Features);

/// <summary>How captions tell the truth.</summary>
/// <param name="Chair">[] wrong mentions of all mentions.</param>
/// <param name="HallucinationRate">[] captions with a wrong mention.</param>
/// <param name="Coverage">[] present objects that are mentioned.</param>
/// <param name="Mentioned">[N,12] 1 where a caption names the object before its end.</param>
public sealed record CaptionMetrics(Tensor Chair, Tensor HallucinationRate, Tensor Coverage, Tensor Mentioned);

/// <summary>A tiny world of images and captions in which a captioner names what is not there, because texts make it likely.</summary>
/// <remarks>Twelve objects: anchors 0 … 5, and the partner a+6 of anchor a. Tokens: 0 end, 1 begin, 2 … 13 names, 14 … 25 second names of the same objects, 26 … 33 fillers.</remarks>
public static class MultimodalToy
{
    /// <summary>Anchors.</summary>
    public const int Anchors = 6;

    /// <summary>Objects: anchors, then their partners.</summary>
    public const int Objects = 12;

    /// <summary>Ends a caption.</summary>
    public const int End = 0;

    /// <summary>Begins a caption.</summary>
    public const int Begin = 1;

    /// <summary>The first name.</summary>
    public const int Names = 2;

    /// <summary>The first filler.</summary>
    public const int Fillers = 26;

    /// <summary>Token ids.</summary>
    public const int Vocabulary = 34;

    private const double AnchorRate = 0.4;
    private const double StrayRate = 0.05;
    private const double Blur = 0.15;

    /// <summary>objects [N,12], features [N,D] = objects·projection + 0.15·noise.</summary>
    /// <param name="uniforms">[N,12] in [0,1), one an object.</param>
    /// <param name="projection">[12,D].</param>
    /// <param name="noise">[N,D] standard normal.</param>
    /// <param name="options">How often partners come together.</param>
    [Target("multimodal-toy/scene")]
    public static Scenes Scene(Tensor uniforms, Tensor projection, Tensor noise, SceneOptions options)
    {
        ArgumentNullException.ThrowIfNull(uniforms);
        ArgumentNullException.ThrowIfNull(projection);
        ArgumentNullException.ThrowIfNull(noise);
        ArgumentNullException.ThrowIfNull(options);
        RequireObjects(uniforms, "uniforms");
        new Batch().With("uniforms", uniforms).With("noise", noise).RequireSameRows("uniforms", "noise");
        var anchors = uniforms.narrow(1, 0, Anchors) < AnchorRate;
        var drawn = uniforms.narrow(1, Anchors, Anchors);
        var partners = where(anchors, drawn < options.Cooccurrence, drawn < StrayRate);
        var objects = cat([anchors, partners], 1).to(uniforms.dtype);
        // An empty scene gets object 0.
        var empty = (objects.sum(1, keepdim: true).eq(0)).to(objects.dtype);
        objects = objects + (empty * nn.functional.one_hot(zeros(1, dtype: int64, device: objects.device), Objects).to(objects.dtype));
        return new Scenes(objects, objects.matmul(projection) + (Blur * noise));
    }

    /// <summary>tokens [N,max_tokens] int64: names of the present objects in the order 0, 6, 1, 7, … 5, 11, at most one less than the longest, then the end; padded with -1.</summary>
    /// <param name="objects">[N,12].</param>
    /// <param name="options">The longest caption.</param>
    [Target("multimodal-toy/caption")]
    public static Tensor Caption(Tensor objects, CaptionOptions options)
    {
        ArgumentNullException.ThrowIfNull(objects);
        ArgumentNullException.ThrowIfNull(options);
        RequireObjects(objects, "objects");
        var (rows, length) = ((int)objects.shape[0], options.MaxTokens);
        bool[] present = [.. objects.detach().cpu().gt(0.5).contiguous().data<bool>()];
        var tokens = new long[rows * length];
        Array.Fill(tokens, -1);
        for (var row = 0; row < rows; row++)
        {
            var named = Enumerable.Range(0, Objects).Select(i => (i / 2) + (Anchors * (i % 2))).Where(o => present[(row * Objects) + o]).Take(length - 1);
            var place = row * length;
            foreach (var o in named)
            {
                tokens[place++] = Names + o;
            }

            tokens[place] = End;
        }

        return tensor(tokens, [rows, length], device: objects.device);
    }

    /// <summary>chair, hallucination_rate, coverage []; mentioned [N,12].</summary>
    /// <param name="tokens">[N,T] int64; what follows the end does not count.</param>
    /// <param name="objects">[N,12].</param>
    [Target("multimodal-toy/metrics")]
    public static CaptionMetrics Metrics(Tensor tokens, Tensor objects)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentNullException.ThrowIfNull(objects);
        RequireObjects(objects, "objects");
        new Batch().With("tokens", tokens).With("objects", objects).RequireSameRows("tokens", "objects");
        var before = tokens.eq(End).to(int64).cumsum(1).eq(0);
        var named = before.logical_and(tokens.ge(Names)).logical_and(tokens.lt(Fillers));
        var which = (tokens - Names).clamp_min(0).remainder(Objects);
        var mentioned = (nn.functional.one_hot(which, Objects) * named.unsqueeze(2).to(int64)).amax([1]).to(objects.dtype);
        var wrong = mentioned * (1 - objects);
        return new CaptionMetrics(
            wrong.sum() / mentioned.sum().clamp_min(1),
            wrong.sum(1).gt(0).to(objects.dtype).mean(),
            (mentioned * objects).sum() / objects.sum().clamp_min(1),
            mentioned);
    }

    private static void RequireObjects(Tensor values, string name)
    {
        if (values.dim() != 2 || values.shape[1] != Objects)
        {
            throw new InvalidInputException($"the shape of '{name}' is [{string.Join(',', values.shape)}]; it must be [N,{Objects}], one number an object");
        }
    }
}
