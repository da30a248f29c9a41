using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PreferenceGame;

/// <summary>What to measure of a policy that plays games; means over the games.</summary>
public record GameMeasuresOptions
{
    /// <summary>The games.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>Measure the distance to the equilibrium of the game with this pull towards the start (total variation); null: don't.</summary>
    [Positive]
    public double? Tau { get; init; }

    /// <summary>Measure the duality gap with this pull towards the start; null: don't.</summary>
    [NonNegative]
    public double? Beta { get; init; }

    /// <summary>Measure how often the policy wins against the answer that is worst for it.</summary>
    public bool WorstCase { get; init; }
}

/// <summary>Options of the observer <c>preference-game</c>.</summary>
public sealed record GameObserverOptions : GameMeasuresOptions
{
    /// <summary>Measure every so many steps.</summary>
    [Positive]
    public int Every { get; init; } = 1;

    /// <summary>The first step to measure.</summary>
    [NonNegative]
    public int From { get; init; }

    /// <summary>Measure the average of the policies met so far instead of the last one.</summary>
    public bool Average { get; init; }
}

/// <summary>The exact measures of a table policy: <c>distance</c>, <c>gap</c>, <c>worst_case</c>.</summary>
internal sealed class GameMeasures
{
    private readonly GameMeasuresOptions _options;
    private readonly Tensor _preferences;
    private readonly Tensor _start;
    private readonly Tensor? _equilibrium;

    internal GameMeasures(GameMeasuresOptions options, IServiceProvider services, RunContext run)
    {
        _options = options;
        using var scope = NewDisposeScope();
        var (preferences, start) = GameRows.Read(options.Data, services, run);
        _preferences = preferences.DetachFromDisposeScope();
        _start = start.softmax(-1).DetachFromDisposeScope();
        _equilibrium = options.Tau is { } tau ? RegularizedGame.Equilibrium(_start, _preferences, tau).DetachFromDisposeScope() : null;
    }

    /// <summary>[G,K] the policy's probabilities, float64.</summary>
    internal static Tensor Policy(StageContext stage) => stage.Policy is TableModel table
        ? table.Values.detach().select(1, 0).to(CPU).to_type(ScalarType.Float64).softmax(-1)
        : throw new PlumblineException($"games are measured on a table, and the policy is a {stage.Policy.GetType().Name}; take the model preference-game");

    internal Dictionary<string, double> Of(Tensor policy)
    {
        using var still = no_grad();
        using var scope = NewDisposeScope();
        var measured = new Dictionary<string, double>();
        if (_equilibrium is not null)
        {
            measured["distance"] = ((policy - _equilibrium).abs().sum(-1) / 2).mean().ToDouble();
        }

        if (_options.Beta is { } beta)
        {
            measured["gap"] = RegularizedGame.Gap(policy, _start, _preferences, beta).mean().ToDouble();
        }

        if (_options.WorstCase)
        {
            measured["worst_case"] = RegularizedGame.WorstCase(policy, _preferences).mean().ToDouble();
        }

        return measured;
    }
}

/// <summary>Measures a table policy between stages: distance to the equilibrium, duality gap, worst case.</summary>
[Evaluation("preference-game")]
public sealed class GameEvaluation(GameMeasuresOptions options) : IEvaluation
{
    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Evaluate(StageContext stage, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(stage);
        using var scope = NewDisposeScope();
        return new GameMeasures(options, stage.Services, stage.Run).Of(GameMeasures.Policy(stage));
    }
}

/// <summary>Measures a table policy, or the average of those met so far, while it learns.</summary>
[Observer("preference-game")]
public sealed class GameObserver(GameObserverOptions options, StageContext stage) : IObserver
{
    private readonly GameMeasures _measures = new(options, stage.Services, stage.Run);
    private Tensor? _sum;
    private int _met;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, double> Measure(int step)
    {
        if (step < options.From || (step + 1) % options.Every != 0)
        {
            return new Dictionary<string, double>();
        }

        using var scope = NewDisposeScope();
        var policy = GameMeasures.Policy(stage);
        if (!options.Average)
        {
            return _measures.Of(policy);
        }

        var sum = (_sum is null ? policy : _sum + policy).DetachFromDisposeScope();
        _sum?.Dispose();
        _sum = sum;
        return _measures.Of(_sum / ++_met);
    }

    /// <inheritdoc/>
    public bool OnStep(int step, IReadOnlyDictionary<string, double> metrics, IRecorder recorder) => true;
}
