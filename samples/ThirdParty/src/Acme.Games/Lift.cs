using Plumbline;
using Plumbline.Training.Environments;

namespace Acme.Games;

/// <summary>Drive a lift to a floor and open its door there.</summary>
[Plumbline.Environment("acme-lift")]
public sealed class Lift(LiftOptions options) : ITextEnvironment
{
    /// <inheritdoc/>
    public IEpisode Reset(long seed)
    {
        var draws = new SplitMix64(seed);
        return new Ride(draws.Pick(options.Floors), draws.Pick(options.Floors), options);
    }

    private sealed class Ride(int floor, int wanted, LiftOptions options) : TextEpisode(options.MaxSteps)
    {
        private int _floor = floor;

        public override string ExpertAction => _floor == wanted ? "open" : _floor < wanted ? "up" : "down";

        protected override string Text => $"The lift is at floor {_floor}. Somebody waits at floor {wanted}.";

        protected override string StateKey => $"{_floor} to {wanted}";

        protected override IReadOnlyList<string> Legal => ["up", "down", "open"];

        protected override Effect Act(string action)
        {
            if (action == "open")
            {
                return new Effect(Reward: _floor == wanted ? 1 : 0, Ends: true, Success: _floor == wanted);
            }

            _floor = Math.Clamp(_floor + (action == "up" ? 1 : -1), 0, options.Floors - 1);
            return default;
        }
    }
}

/// <summary>Options of <c>acme-lift</c>.</summary>
public sealed record LiftOptions
{
    /// <summary>Floors, from 0.</summary>
    [Interval(2, 100)]
    public int Floors { get; init; } = 4;

    /// <summary>Steps of an episode at most.</summary>
    [Positive]
    public int MaxSteps { get; init; } = 6;
}
