using System.Globalization;
using Plumbline.Training.Environments;

namespace Plumbline.Plugins.Guess;

/// <summary>Guess a number: after each guess the environment says where the number still can be.</summary>
[Environment("guess")]
public sealed class Guess(GuessOptions options) : ITextEnvironment
{
    /// <inheritdoc/>
    public IEpisode Reset(long seed) => new Game(1 + new SplitMix64(seed).Pick(options.Highest), options);

    /// <summary>What is known of the number so far.</summary>
    private sealed record Range(int Low, int High);

    private sealed class Game(int number, GuessOptions options) : TextEpisode(options.MaxSteps)
    {
        private Range _range = new(1, options.Highest);

        public override string ExpertAction => $"guess {(_range.Low + _range.High) / 2}";

        protected override string Text => $"The number is from {_range.Low} to {_range.High}.";

        protected override string StateKey => $"{number} in {_range.Low}-{_range.High}";

        protected override IReadOnlyList<string> Legal => [.. Enumerable.Range(_range.Low, _range.High - _range.Low + 1).Select(guess => $"guess {guess}")];

        protected override Effect Act(string action)
        {
            var guess = int.Parse(action["guess ".Length..], CultureInfo.InvariantCulture);
            _range = new Range(guess < number ? guess + 1 : _range.Low, guess > number ? guess - 1 : _range.High);
            return guess == number ? new Effect(Reward: 1, Ends: true, Success: true) : default;
        }
    }
}

/// <summary>Options of <c>guess</c>.</summary>
public sealed record GuessOptions
{
    /// <summary>The highest number.</summary>
    [Positive]
    public int Highest { get; init; } = 7;

    /// <summary>Guesses of an episode at most.</summary>
    [Positive]
    public int MaxSteps { get; init; } = 3;
}
