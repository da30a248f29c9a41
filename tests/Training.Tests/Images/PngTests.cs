using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using Plumbline.Training.Images;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class PngTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(7, 3, 1)]
    [InlineData(5, 4, 3)]
    public void What_is_written_is_read_again(int width, int height, int channels)
    {
        byte[] pixels = [.. Enumerable.Range(0, width * height * channels).Select(i => (byte)(i * 37))];
        var (chunks, data) = Decode(Png.Encode(pixels, width, height, channels));
        Assert.Equal(["IHDR", "IDAT", "IEND"], chunks);
        Assert.Equal((width, height, channels), (data.Width, data.Height, data.Channels));
        Assert.Equal(pixels, data.Pixels);
    }

    [Fact]
    public void Check_sums_are_those_of_the_standard()
    {
        // The end of every PNG file there is.
        var file = Png.Encode([0], 1, 1, 1);
        Assert.Equal([0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82], file[^12..]);
    }

    [Fact]
    public void Bytes_that_are_no_image_are_refused() => Assert.Throws<ArgumentException>(() => Png.Encode([1, 2, 3], 2, 2, 1));

    [Fact]
    public void A_grid_shows_each_image_enlarged_in_its_place()
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateTempSubdirectory("plumbline-png-");
        try
        {
            // Three images of one grey each: black, middle, white, and beyond the range.
            var images = tensor(new[] { -1.0, 0, 1, 7 }).reshape(4, 1, 1, 1).expand(4, 1, 8, 8);
            var path = Path.Combine(folder.FullName, "samples", "some.png");
            ImageGrid.Write(path, images);
            var (_, data) = Decode(File.ReadAllBytes(path));
            Assert.Equal((2 + (2 * 34), 2 + (2 * 34)), (data.Width, data.Height));
            Assert.Equal([0, 128, 255, 255], new[] { (5, 5), (40, 5), (5, 40), (40, 40) }.Select(place => (int)data.Pixels[(place.Item2 * data.Width) + place.Item1]));
            Assert.Equal([path], Directory.GetFiles(Path.GetDirectoryName(path)!));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static (string[] Chunks, (int Width, int Height, int Channels, byte[] Pixels) Image) Decode(byte[] file)
    {
        Assert.Equal([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], file[..8]);
        var (names, packed, header) = (new List<string>(), new MemoryStream(), Array.Empty<byte>());
        for (var place = 8; place < file.Length;)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(file.AsSpan(place));
            var name = Encoding.ASCII.GetString(file, place + 4, 4);
            names.Add(name);
            if (name == "IHDR")
            {
                header = file[(place + 8)..(place + 8 + length)];
            }
            else if (name == "IDAT")
            {
                packed.Write(file, place + 8, length);
            }

            place += length + 12;
        }

        var (width, height, channels) = (BinaryPrimitives.ReadInt32BigEndian(header), BinaryPrimitives.ReadInt32BigEndian(header.AsSpan(4)), header[9] == 2 ? 3 : 1);
        packed.Position = 0;
        using var inflate = new ZLibStream(packed, CompressionMode.Decompress);
        using var plain = new MemoryStream();
        inflate.CopyTo(plain);
        byte[][] lines = [.. plain.ToArray().Chunk(1 + (width * channels))];
        Assert.Equal(height, lines.Length);
        Assert.All(lines, line => Assert.Equal(0, line[0]));
        return ([.. names], (width, height, channels, [.. lines.SelectMany(line => line[1..])]));
    }
}
