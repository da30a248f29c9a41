using static TorchSharp.torch;

namespace Plumbline.Training.Images;

/// <summary>Samples side by side in one picture.</summary>
public static class ImageGrid
{
    private const int SmallestSide = 32;
    private const int Gap = 2;
    private const byte Background = 96;

    /// <summary>Whether samples of a shape are images: one or three channels, height and width.</summary>
    public static bool Fits(IReadOnlyList<long> sampleShape)
    {
        ArgumentNullException.ThrowIfNull(sampleShape);
        return sampleShape.Count == 3 && sampleShape[0] is 1 or 3;
    }

    /// <summary>Writes images in [-1,1] as a square grid; small ones are enlarged.</summary>
    /// <param name="path">Of the PNG file; its folder is made.</param>
    /// <param name="images">[N,C,H,W], C 1 or 3.</param>
    public static void Write(string path, Tensor images)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(images);
        if (!Fits(images.shape[1..]) || images.shape[0] == 0)
        {
            throw new ArgumentException($"samples of shape [{string.Join(',', images.shape)}] are no images", nameof(images));
        }

        var (count, channels, height, width) = ((int)images.shape[0], (int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        var zoom = Math.Max(1, (SmallestSide + Math.Min(height, width) - 1) / Math.Min(height, width));
        var columns = (int)Math.Ceiling(Math.Sqrt(count));
        var rows = (count + columns - 1) / columns;
        var (wide, high) = ((columns * ((width * zoom) + Gap)) + Gap, (rows * ((height * zoom) + Gap)) + Gap);
        var pixels = new byte[wide * high * channels];
        Array.Fill(pixels, Background);
        using var scope = NewDisposeScope();
        byte[] bytes = [.. ((images.detach().cpu().to_type(ScalarType.Float32) + 1) * 127.5).nan_to_num().round().clamp(0, 255).to_type(ScalarType.Byte).contiguous().data<byte>()];
        for (var i = 0; i < count; i++)
        {
            var (left, top) = (Gap + (i % columns * ((width * zoom) + Gap)), Gap + (i / columns * ((height * zoom) + Gap)));
            for (var y = 0; y < height * zoom; y++)
            {
                for (var x = 0; x < width * zoom; x++)
                {
                    for (var c = 0; c < channels; c++)
                    {
                        pixels[((((top + y) * wide) + left + x) * channels) + c] = bytes[(((((i * channels) + c) * height) + (y / zoom)) * width) + (x / zoom)];
                    }
                }
            }
        }

        _ = Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        File.WriteAllBytes(path + ".tmp", Png.Encode(pixels, wide, high, channels));
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
