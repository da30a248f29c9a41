using System.Buffers.Binary;
using System.IO.Compression;

namespace Plumbline.Training.Images;

/// <summary>Writes PNG files of 8 bits a channel.</summary>
public static class Png
{
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(n =>
    {
        var c = (uint)n;
        for (var k = 0; k < 8; k++)
        {
            c = (c & 1) != 0 ? 0xEDB88320 ^ (c >> 1) : c >> 1;
        }

        return c;
    })];

    /// <summary>A file's bytes.</summary>
    /// <param name="pixels">Row by row, channels of a pixel next to each other.</param>
    /// <param name="width">Pixels.</param>
    /// <param name="height">Pixels.</param>
    /// <param name="channels">1 grey, 3 colours.</param>
    /// <exception cref="ArgumentException">The pixels are not as many.</exception>
    public static byte[] Encode(ReadOnlySpan<byte> pixels, int width, int height, int channels)
    {
        if (channels is not (1 or 3) || width < 1 || height < 1 || pixels.Length != (long)width * height * channels)
        {
            throw new ArgumentException($"{pixels.Length} bytes are no image of {width} by {height} pixels of {channels} channels (1 or 3)", nameof(pixels));
        }

        using var file = new MemoryStream();
        file.Write([0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A]);
        Span<byte> header = stackalloc byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header[4..], height);
        // Bits a channel, colour type; deflate, adaptive filters, not interlaced.
        (header[8], header[9]) = (8, (byte)(channels == 1 ? 0 : 2));
        Chunk(file, "IHDR"u8, header);
        using var packed = new MemoryStream();
        using (var deflate = new ZLibStream(packed, CompressionLevel.Optimal, leaveOpen: true))
        {
            var line = width * channels;
            for (var row = 0; row < height; row++)
            {
                // Filter 0: the bytes as they are.
                deflate.WriteByte(0);
                deflate.Write(pixels.Slice(row * line, line));
            }
        }

        Chunk(file, "IDAT"u8, packed.ToArray());
        Chunk(file, "IEND"u8, []);
        return file.ToArray();
    }

    private static void Chunk(MemoryStream file, ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        Span<byte> number = stackalloc byte[4];
        BinaryPrimitives.WriteInt32BigEndian(number, data.Length);
        file.Write(number);
        file.Write(type);
        file.Write(data);
        BinaryPrimitives.WriteUInt32BigEndian(number, ~Crc(Crc(uint.MaxValue, type), data));
        file.Write(number);
    }

    private static uint Crc(uint crc, ReadOnlySpan<byte> bytes)
    {
        foreach (var one in bytes)
        {
            crc = Table[(crc ^ one) & 0xFF] ^ (crc >> 8);
        }

        return crc;
    }
}
