namespace Plumbline.Training;

/// <summary>Options of <c>adaptive-kl</c>.</summary>
public sealed record AdaptiveKlOptions
{
    /// <summary>The metric that says the divergence.</summary>
    public string Metric { get; init; } = "mean_kl";

    /// <summary>The divergence to hold, in nats a completion.</summary>
    [Positive]
    public double Target { get; init; } = 6.0;

    /// <summary>Completions over which the coefficient follows; larger is slower.</summary>
    [Positive]
    public double Horizon { get; init; } = 10000;
}
