using System.Globalization;
using Plumbline.Host.Runs;

namespace Plumbline.Host.Terminal;

/// <summary>How far a stage is, how fast it goes and how long it will take.</summary>
internal sealed class StageProgress(StageBegan stage)
{
    // What a reader wants to see of a step, the first few that are there.
    private static readonly string[] Telling = ["reward_mean", "loss", "accuracy", "margin", "mean_kl", "completion_length"];
    private double _seconds;

    /// <summary>The stage.</summary>
    internal StageBegan Stage => stage;

    /// <summary>Steps finished.</summary>
    internal int Done { get; private set; }

    internal void See(StepDone step)
    {
        Done = step.Step + 1;
        // The newest steps count most: a stage may slow down as its answers get longer.
        _seconds = Done == 1 ? step.Seconds : (0.95 * _seconds) + (0.05 * step.Seconds);
        Numbers = string.Join("  ", Telling.Where(step.Metrics.ContainsKey).Take(3).Select(name => string.Create(CultureInfo.InvariantCulture, $"{name} {step.Metrics[name]:G4}")));
        TokensPerSecond = step.Seconds > 0 ? step.Tokens / step.Seconds : 0;
    }

    /// <summary>The newest step's telling metrics.</summary>
    internal string Numbers { get; private set; } = string.Empty;

    /// <summary>The newest step's rate.</summary>
    internal double TokensPerSecond { get; private set; }

    /// <summary>Rate and time left, such as <c>12.3 steps/s  5210 tokens/s  0:42 left</c>.</summary>
    internal string Rate
    {
        get
        {
            if (_seconds <= 0)
            {
                return string.Empty;
            }

            var left = TimeSpan.FromSeconds(_seconds * (stage.Steps - Done));
            return string.Create(CultureInfo.InvariantCulture, $"{1 / _seconds:F1} steps/s  {TokensPerSecond:F0} tokens/s  {(int)left.TotalMinutes}:{left.Seconds:D2} left");
        }
    }
}
