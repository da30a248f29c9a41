using System.Globalization;

namespace TorchSharp;

/// <summary>Sorts of device, with libtorch's numbers.</summary>
public enum DeviceType
{
    CPU = 0,
    CUDA = 1,
    META = 14,
}

public static partial class torch
{
    public static readonly Device CPU = new(DeviceType.CPU);

    public static readonly Device META = new(DeviceType.META);

    public static Device CUDA { get; } = new(DeviceType.CUDA);

    public static Device device(string description) => new(description);

    public static Device device(string deviceType, int index = -1) => new(deviceType, index);

    public static Device device(DeviceType deviceType, int index = -1) => new(deviceType, index);

    public static Device device(int index) => new(index);

    /// <summary>Where a tensor lives.</summary>
    /// <remarks>As in TorchSharp, two objects that name one device are not equal; compare <c>type</c> and <c>index</c>.</remarks>
    public class Device
    {
        public Device(string description)
        {
            ArgumentNullException.ThrowIfNull(description);
            var parts = description.Split(':');
            type = parts[0] switch
            {
                "cpu" => DeviceType.CPU,
                "cuda" => DeviceType.CUDA,
                "meta" => DeviceType.META,
                _ => throw new ArgumentException($"unknown device '{description}'; known are cpu, cuda and cuda:N", nameof(description)),
            };
            index = parts.Length == 1 ? -1 : int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && parts.Length == 2 ? number
                : throw new ArgumentException($"'{description}' is no device; write cuda:0 for the first GPU", nameof(description));
        }

        public Device(string deviceType, int index = -1)
            : this(new Device(deviceType).type, index)
        {
        }

        public Device(DeviceType deviceType, int index = -1) => (type, this.index) = (deviceType, index);

        public Device(int index)
            : this(DeviceType.CUDA, index)
        {
        }

        public DeviceType type { get; }

        public int index { get; }

        public static implicit operator Device(string description) => new(description);

        public override string ToString() => type == DeviceType.CPU ? "cpu" : index < 0 ? type.ToString().ToLowerInvariant() : $"{type.ToString().ToLowerInvariant()}:{index}";
    }
}
