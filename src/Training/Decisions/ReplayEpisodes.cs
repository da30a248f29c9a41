using static TorchSharp.torch;

namespace Plumbline.Training.Decisions;

/// <summary>Episodes that are played side by side, partly at random, and kept transition by transition; when all have ended, new ones begin.</summary>
internal sealed class ReplayEpisodes(EnvironmentReplayOptions options, IVectorEnvironment environment, ValuedActions values, IFunctionModel model, ReplayObjective objective, ReplayBuffer buffer, Draws draws)
{
    private IVectorEpisodes? _played;
    private double[] _seen = [];
    private double[] _stocks = [];
    private double[] _returns = [];
    private bool[] _live = [];
    private int _set = -1;
    private int _step;

    /// <summary>The mean return of the episodes that ended last, side by side; null before any did.</summary>
    internal double? Return { get; private set; }

    /// <summary>Takes one step in each episode.</summary>
    /// <param name="epsilon">The chance of an action at random.</param>
    internal void Step(double epsilon)
    {
        using var still = no_grad();
        if (!_live.Any(row => row))
        {
            Begin();
        }

        var width = environment.ObservationSize;
        var like = model.Network.parameters().First();
        var stocks = tensor(_stocks, like.dtype, device: like.device);
        var particles = values.Particles(model, tensor(_seen, [options.Episodes, width], like.dtype, device: like.device), stocks);
        long[] actions = [.. objective.Greedy(particles, stocks).cpu().data<long>()];
        var own = draws.Key("explore").Key(_set).Key(_step);
        for (var row = 0; row < actions.Length; row++)
        {
            actions[row] = own.Key(row).Uniform() < epsilon ? own.Key(row).Key("action").Below(values.Actions) : actions[row];
        }

        var outcome = _played!.Step(tensor(actions, [options.Episodes, 1], device: like.device));
        var (rewards, terminated, truncated) = (ValuedActions.Numbers(outcome.Rewards), ValuedActions.Flags(outcome.Terminated), ValuedActions.Flags(outcome.Truncated));
        var after = ValuedActions.Numbers(_played.Observations);
        var next = ValuedActions.Numbers(objective.NextStocks(tensor(_stocks), tensor(rewards)));
        for (var row = 0; row < actions.Length; row++)
        {
            if (_live[row])
            {
                buffer.Add(_seen.AsSpan(row * width, width), _stocks[row], actions[row], rewards[row], after.AsSpan(row * width, width), terminated[row]);
                _returns[row] += rewards[row];
                _live[row] = !terminated[row] && !truncated[row];
            }
        }

        (_seen, _stocks) = (after, next);
        if (++_step == environment.Horizon)
        {
            Array.Clear(_live);
        }

        if (!_live.Any(row => row))
        {
            Return = _returns.Average();
        }
    }

    private void Begin()
    {
        (_set, _step) = (_set + 1, 0);
        _played = environment.Reset(options.Episodes, draws.Key("episodes").Key(_set));
        _seen = ValuedActions.Numbers(_played.Observations);
        _stocks = [.. Enumerable.Range(0, options.Episodes).Select(row => options.StockFrom + ((options.StockTo - options.StockFrom) * draws.Key("stock").Key(_set).Key(row).Uniform()))];
        _returns = new double[options.Episodes];
        _live = [.. Enumerable.Repeat(true, options.Episodes)];
    }
}
