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

    public static readonly Device CUDA = new(DeviceType.CUDA);

    public static Device device(string description) => new(description);

    public static Device device(DeviceType type, int index = -1) => new(type, index);

    /// <summary>Where a tensor lives.</summary>
    public sealed class Device : IEquatable<Device>
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

        public Device(DeviceType type, int index = -1) => (this.type, this.index) = (type, index);

        public DeviceType type { get; }

        public int index { get; }

        public bool Equals(Device? other) => other is not null && type == other.type && index == other.index;

        public override bool Equals(object? obj) => Equals(obj as Device);

        public override int GetHashCode() => HashCode.Combine(type, index);

        public override string ToString() => index < 0 ? type.ToString().ToLowerInvariant() : $"{type.ToString().ToLowerInvariant()}:{index}";
    }
}
