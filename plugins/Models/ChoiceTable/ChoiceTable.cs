using Plumbline.Training.Agents;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Plugins.ChoiceTable;

/// <summary>A policy that chooses among texts by a table: a vector of logits for each context it has met, a context being the last texts of the dialogue.</summary>
/// <remarks>
/// A context gets a row when it is met first; it begins with what demonstrations say of its observation, else at 0. An option keeps its place in its context's row.
/// Contexts lie in memory alone: what is saved are the logits.
/// </remarks>
[Model("choice-table")]
public sealed class ChoiceTable : IChoiceModel
{
    private readonly ChoiceTableOptions _options;
    private readonly Dictionary<string, Dictionary<string, double>> _start;
    private readonly Dictionary<string, Row> _rows;
    private readonly Table _table;

    /// <summary>Builds the table on the run's device and dtype.</summary>
    public ChoiceTable(ChoiceTableOptions options, RunContext run, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(run);
        _options = options;
        _start = options.Demonstrations is { } shown ? Counted(Demonstrations.Of(shown, shown.Environment.Create(services), run.Draws.Key("demonstrations"))) : [];
        _rows = [];
        _table = new Table(zeros([options.Contexts, options.Options], run.Dtype, run.Device));
    }

    private ChoiceTable(ChoiceTable other)
    {
        (_options, _start) = (other._options, other._start);
        _rows = other._rows.ToDictionary(row => row.Key, row => row.Value.Copy());
        _table = new Table(other._table.Logits.detach());
        _table.eval();
        _table.Logits.requires_grad = false;
    }

    /// <inheritdoc/>
    public nn.Module Network => _table;

    /// <summary>Contexts met so far.</summary>
    public int Met => _rows.Count;

    /// <inheritdoc/>
    public Tensor Logits(IReadOnlyList<Choice> choices)
    {
        ArgumentNullException.ThrowIfNull(choices);
        var width = choices.Max(choice => choice.Options.Count);
        var (places, beyond) = (new long[choices.Count * width], new bool[choices.Count * width]);
        for (var i = 0; i < choices.Count; i++)
        {
            var row = Find(choices[i]);
            for (var k = 0; k < width; k++)
            {
                beyond[(i * width) + k] = k >= choices[i].Options.Count;
                places[(i * width) + k] = beyond[(i * width) + k] ? 0 : ((long)row.Number * _options.Options) + Place(row, choices[i], k);
            }
        }

        var device = _table.Logits.device;
        return _table.Logits.reshape(-1).index_select(0, tensor(places, device: device)).reshape(choices.Count, width)
            .masked_fill(tensor(beyond, [choices.Count, width], device: device), double.NegativeInfinity);
    }

    /// <inheritdoc/>
    public IModel Freeze() => new ChoiceTable(this);

    /// <inheritdoc/>
    public void Dispose() => _table.Dispose();

    /// <summary>log(1 + count) of each option of each observation, less their mean.</summary>
    private static Dictionary<string, Dictionary<string, double>> Counted(IEnumerable<(long Seed, IReadOnlyList<(Observation Seen, string Action)> Turns)> demonstrations)
    {
        var counts = new Dictionary<string, Dictionary<string, double>>(StringComparer.Ordinal);
        foreach (var (seen, action) in demonstrations.SelectMany(demonstration => demonstration.Turns))
        {
            if (!counts.TryGetValue(seen.Text, out var options))
            {
                counts[seen.Text] = options = [];
            }

            foreach (var option in seen.LegalActions!)
            {
                options.TryAdd(option, 0);
            }

            options[action] = options.GetValueOrDefault(action) + 1;
        }

        return counts.ToDictionary(pair => pair.Key, pair =>
        {
            var mean = pair.Value.Values.Average(count => Math.Log(count + 1));
            return pair.Value.ToDictionary(option => option.Key, option => Math.Log(option.Value + 1) - mean);
        });
    }

    private Row Find(Choice choice)
    {
        // A dialogue that is younger than the context is long is a context of its own.
        var key = string.Join('\u001f', choice.History.Skip(Math.Max(0, choice.History.Count - _options.Context)));
        return _rows.TryGetValue(key, out var row) ? row
            : _rows.Count < _options.Contexts ? _rows[key] = new Row(_rows.Count, [])
            : throw new PlumblineException($"the choice table has met {_options.Contexts} contexts and can't take another; raise contexts");
    }

    private int Place(Row row, Choice choice, int k)
    {
        var option = choice.Options[k];
        if (row.Options.TryGetValue(option, out var place))
        {
            return place;
        }

        if (row.Options.Count == _options.Options)
        {
            throw new PlumblineException($"a context of the choice table has had {_options.Options} different options, and '{option}' is another; raise options");
        }

        row.Options[option] = place = row.Options.Count;
        if (_start.TryGetValue(choice.History[^1], out var shown) && shown.TryGetValue(option, out var logit))
        {
            using var still = no_grad();
            _table.Logits[row.Number, place].fill_(logit);
        }

        return place;
    }

    private sealed record Row(int Number, Dictionary<string, int> Options)
    {
        internal Row Copy() => this with { Options = new(Options) };
    }

    private sealed class Table : nn.Module
    {
        internal Table(Tensor start)
            : base(nameof(Table))
        {
            using var copy = start.detach().clone();
            Logits = new Parameter(copy);
            register_parameter("logits", Logits);
        }

        internal Parameter Logits { get; }
    }
}
