using System.Globalization;
using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Features;

/// <summary>A small network over answers that are written as numbers, apart by spaces: the backbone of a preference model without language.</summary>
/// <remarks>It reads no prompt. Weights begin uniform within one over the root of the inputs, as a linear layer usually does.</remarks>
[Model("features")]
public sealed class Features : IPreferenceBackbone
{
    private readonly FeaturesOptions _options;
    private readonly FeedForward _layers;
    private readonly (Device Device, ScalarType Dtype) _place;

    /// <summary>Builds the network on the run's device and dtype.</summary>
    public Features(FeaturesOptions options, RunContext run)
        : this(options ?? throw new ArgumentNullException(nameof(options)), (run ?? throw new ArgumentNullException(nameof(run))).Draws.Key("weights"), (run.Device, run.Dtype))
    {
        if (options.Hidden.Count == 0)
        {
            throw new PlumblineException("the features model needs a hidden layer for a head to read; give hidden at least one width");
        }
    }

    private Features(FeaturesOptions options, Draws draws, (Device Device, ScalarType Dtype) place)
    {
        (_options, _place) = (options, place);
        _layers = new FeedForward(options.Inputs, options.Hidden, null, options.Activation, draws, place.Device, place.Dtype);
    }

    /// <inheritdoc/>
    public nn.Module Network => _layers;

    /// <inheritdoc/>
    public int Width => _options.Hidden[^1];

    /// <inheritdoc/>
    public int ContextLength => int.MaxValue;

    /// <inheritdoc/>
    public int Length(PromptedText row) => 1;

    /// <inheritdoc/>
    public (Tensor Answers, Tensor? Prompts) Read(IReadOnlyList<PromptedText> rows, bool prompts)
    {
        ArgumentNullException.ThrowIfNull(rows);
        if (prompts)
        {
            throw new PlumblineException("the features model reads answers alone, and a gate reads the prompt; turn the gate off");
        }

        var values = new double[rows.Count * _options.Inputs];
        for (var row = 0; row < rows.Count; row++)
        {
            Numbers(rows[row].Answer).CopyTo(values, row * _options.Inputs);
        }

        return (_layers.Forward(tensor(values, [rows.Count, _options.Inputs], device: _place.Device).to_type(_place.Dtype)), null);
    }

    /// <inheritdoc/>
    public IPreferenceBackbone Another(Draws draws) => new Features(_options, draws, _place);

    /// <inheritdoc/>
    public IModel Freeze()
    {
        var copy = new Features(_options, default, _place);
        copy._layers.load_state_dict(_layers.state_dict());
        copy._layers.eval();
        foreach (var parameter in copy._layers.parameters())
        {
            parameter.requires_grad = false;
        }

        return copy;
    }

    /// <inheritdoc/>
    public void Dispose() => _layers.Dispose();

    private double[] Numbers(string text)
    {
        double[] numbers = [.. text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(word =>
            double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : throw Bad($"'{word}' is no number"))];
        return numbers.Length == _options.Inputs ? numbers : throw Bad($"it has {numbers.Length} numbers");

        PlumblineException Bad(string what) => new($"the features model reads an answer as {_options.Inputs} numbers apart by spaces, and in '{text}' {what}");
    }
}
