using System.Globalization;
using TorchSharp;

namespace Plumbline.Host.Manifests;

/// <summary>Names of devices as users write them.</summary>
internal static class Devices
{
    internal const string Auto = "auto";

    /// <summary>What is wrong with a device's name, whatever this machine has; null where nothing is.</summary>
    internal static string? Problem(string name) =>
        name is Auto or "cpu" or "cuda" || (name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name[5..], NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? null : $"device must be auto, cpu, cuda or cuda:<number>, was '{name}'";

    /// <summary>The device of a name on this machine. Loads libtorch.</summary>
    /// <exception cref="PlumblineException">The machine has no such device.</exception>
    internal static Device Open(string name)
    {
        var count = torch.cuda.is_available() ? torch.cuda.device_count() : 0;
        if (name == Auto)
        {
            return count > 0 ? torch.device("cuda:0") : torch.CPU;
        }

        if (name == "cpu")
        {
            return torch.CPU;
        }

        var index = name.Length > 5 ? int.Parse(name[5..], CultureInfo.InvariantCulture) : 0;
        return index < count ? torch.device($"cuda:{index}")
            : throw new PlumblineException($"device '{name}' is not on this machine: libtorch sees {(count == 0 ? "no CUDA device" : $"{count} CUDA device(s)")}; use --device cpu, or see plumb doctor");
    }
}
