namespace Plumbline.Tests.Plugins.ParityLibrary;

/// <summary>Something small enough for a library: it knows no contract.</summary>
public static class Parity
{
    /// <summary>Zero for even numbers, one for odd ones.</summary>
    public static double Of(int number) => number & 1;
}
