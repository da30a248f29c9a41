using static TorchSharp.torch;

namespace Plumbline.Plugins.PointMass;

/// <summary>A damped point in the plane that is to be pushed to the origin and held there, at little cost.</summary>
/// <remarks>v ← damping · v + push · clip(a, -1, 1); p ← p + time · v; reward -|p|² - effort · |clip(a)|². It starts at rest, anywhere in [-1,1]². Seen are p and v.</remarks>
[Environment("point-mass")]
public sealed class PointMass(PointMassOptions options) : IVectorEnvironment
{
    private const int Axes = 2;

    /// <inheritdoc/>
    public int ObservationSize => 2 * Axes;

    /// <inheritdoc/>
    public ActionSpace Actions { get; } = ActionSpace.Continuous(Axes);

    /// <inheritdoc/>
    public int Horizon => options.Horizon;

    /// <inheritdoc/>
    public IVectorEpisodes Reset(int episodes, Draws draws) => new Points(options, episodes, draws);

    private sealed class Points : IVectorEpisodes
    {
        private readonly PointMassOptions _options;
        private readonly double[] _place;
        private readonly double[] _speed;
        private int _step;

        internal Points(PointMassOptions options, int episodes, Draws draws)
        {
            _options = options;
            _speed = new double[episodes * Axes];
            _place = [.. Enumerable.Range(0, episodes * Axes).Select(i => (2 * draws.Key(i / Axes).Key(i % Axes).Uniform()) - 1)];
        }

        public Tensor Observations
        {
            get
            {
                var rows = _place.Length / Axes;
                return cat([tensor(_place, [rows, Axes]), tensor(_speed, [rows, Axes])], 1);
            }
        }

        public VectorOutcome Step(Tensor actions)
        {
            var rows = _place.Length / Axes;
            var rewards = new double[rows];
            if (_step < _options.Horizon)
            {
                var pushes = actions.detach().to_type(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
                for (var i = 0; i < _place.Length; i++)
                {
                    var push = Math.Clamp(pushes[i], -1, 1);
                    _speed[i] = (_options.Damping * _speed[i]) + (_options.Push * push);
                    _place[i] += _options.Time * _speed[i];
                    rewards[i / Axes] -= (_place[i] * _place[i]) + (_options.Effort * push * push);
                }

                _step++;
            }

            return new VectorOutcome(tensor(rewards), zeros(rows, ScalarType.Bool), full(rows, _step >= _options.Horizon, ScalarType.Bool));
        }
    }
}

/// <summary>Options of <c>point-mass</c>.</summary>
public sealed record PointMassOptions
{
    /// <summary>Steps of an episode.</summary>
    [Positive]
    public int Horizon { get; init; } = 50;

    /// <summary>Share of the speed that a step leaves.</summary>
    [Interval(0, 1)]
    public double Damping { get; init; } = 0.95;

    /// <summary>Speed that a full push adds.</summary>
    [Positive]
    public double Push { get; init; } = 0.2;

    /// <summary>Time of a step.</summary>
    [Positive]
    public double Time { get; init; } = 0.1;

    /// <summary>Cost of a full push along one axis.</summary>
    [NonNegative]
    public double Effort { get; init; } = 0.05;
}
