using static TorchSharp.torch;

namespace Plumbline.Training.Toys;

/// <summary>Square images of one channel.</summary>
internal static class Grid
{
    /// <summary>The centres of the pixels: x [1,1,side], y [1,side,1], in the dtype and on the device of what they meet.</summary>
    internal static (Tensor X, Tensor Y) Centres(int side, Tensor like)
    {
        var line = arange(side, dtype: like.dtype, device: like.device);
        return (line.reshape(1, 1, side), line.reshape(1, side, 1));
    }

    /// <summary>[N,side,side] of images with or without a channel, or flat.</summary>
    internal static Tensor Images(Tensor images, int side)
    {
        ArgumentNullException.ThrowIfNull(images);
        return images.dim() >= 2 && images.numel() == images.shape[0] * side * side ? images.reshape(images.shape[0], side, side)
            : throw new InvalidInputException($"the shape of 'images' is [{string.Join(',', images.shape)}]; it must be [N,{side},{side}] or [N,1,{side},{side}]");
    }
}
