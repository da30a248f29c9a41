using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>A table of logits: for each prompt of one token and each place in the answer its own distribution.</summary>
/// <remarks>The prompt's token is its row. A subclass may choose another <see cref="Row"/>, such as one that depends on the token before.</remarks>
public class TableModel : TokenFunctionModel, IOwnValues
{
    private readonly Table _table;

    /// <summary>A table with its first logits.</summary>
    /// <param name="tokenizer">Prompts and answers share its ids.</param>
    /// <param name="start">[P,T,V] logits of prompt p at answer token t.</param>
    public TableModel(ITokenizer tokenizer, Tensor start)
        : base(tokenizer, 1 + (int)(start ?? throw new ArgumentNullException(nameof(start))).shape[1]) => _table = new Table(start);

    /// <inheritdoc/>
    public override nn.Module Network => _table;

    /// <inheritdoc/>
    public override int Width => (int)_table.Weights.shape[2];

    /// <summary>[P,T,V] the logits; they train. V may be less than the vocabulary: its first tokens.</summary>
    public Tensor Values => _table.Weights;

    /// <summary>The row of the table for each sequence.</summary>
    /// <param name="tokens">[N,T] int64.</param>
    /// <returns>[N] int64.</returns>
    protected virtual Tensor Row(Tensor tokens) => (tokens ?? throw new ArgumentNullException(nameof(tokens))).select(1, 0);

    /// <inheritdoc/>
    protected override Tensor NextLogits(Tensor tokens)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        return _table.Weights.index_select(0, Row(tokens)).narrow(1, 0, Math.Min(tokens.shape[1], _table.Weights.shape[1]));
    }

    /// <inheritdoc/>
    protected override TokenFunctionModel Copy() => new TableModel(Tokenizer, _table.Weights.detach());

    /// <summary>A number for each state that the table has a distribution for, and for the whole answers.</summary>
    ICausalModel IOwnValues.NewValues()
    {
        using var start = zeros([Values.shape[0], Values.shape[1] + 1, 1], Values.dtype, Values.device);
        return new ValueTable(this, start);
    }

    /// <summary>[P,T+1,1] values, in the rows of the table they belong to.</summary>
    private sealed class ValueTable(TableModel owner, Tensor start) : TokenFunctionModel(owner.Tokenizer, owner.ContextLength + 1)
    {
        private readonly Table _values = new(start);

        public override nn.Module Network => _values;

        public override int Width => 1;

        protected override Tensor NextLogits(Tensor tokens) => _values.Weights.index_select(0, owner.Row(tokens)).narrow(1, 0, tokens.shape[1]);

        protected override TokenFunctionModel Copy() => new ValueTable(owner, _values.Weights.detach());
    }

    private sealed class Table : nn.Module
    {
        internal Table(Tensor start)
            : base(nameof(Table))
        {
            using var copy = start.detach().clone();
            Weights = new Parameter(copy);
            register_parameter("logits", Weights);
        }

        internal Parameter Weights { get; }
    }
}
