using Microsoft.Extensions.DependencyInjection;
using Plumbline.Plugins.Transformer;
using Plumbline.Training;
using TorchSharp;

namespace Plumbline.Bench;

/// <summary>One piece of work: set up once, run several times.</summary>
internal abstract class Work(long items, int runs) : IDisposable
{
    internal const int Vocabulary = 256;

    /// <summary>Tokens or operations of one run.</summary>
    internal long Items { get; } = items;

    /// <summary>Runs that are timed.</summary>
    internal int Runs { get; } = runs;

    /// <summary>Source of the data.</summary>
    protected static Draws Draws { get; } = new(0);

    /// <summary>One run.</summary>
    /// <returns>A number that shows the work was done.</returns>
    internal abstract double Step();

    /// <inheritdoc/>
    public abstract void Dispose();

    protected static Transformer NewModel(int context = 512)
    {
        var options = new TransformerOptions
        {
            Layers = 4,
            Width = 256,
            Heads = 4,
            Hidden = 688,
            ContextLength = context,
            Tokenizer = Part<ITokenizer>.Of("ids", new Ids()),
        };
        var run = new RunContext
        {
            Name = "bench", Folder = ".", BaseFolder = ".", Seed = 0, Device = torch.CPU, Dtype = torch.ScalarType.Float32,
        };
        return new Transformer(options, run, Services);
    }

    /// <summary>AdamW as the peer has it: no clipping, PyTorch's default decay of 0.01.</summary>
    protected static Optimization NewOptimization(ICausalModel model) => new(model.Network.parameters(), new AdamwOptions
    {
        LearningRate = 1e-4,
        WeightDecay = 0.01,
        MaxGradNorm = null,
    });

    /// <summary>Random tokens, keyed by a name.</summary>
    protected static int[] Tokens(Draws draws, int count) => [.. Enumerable.Range(0, count).Select(i => draws.Key(i).Below(Vocabulary))];

    private static ServiceProvider Services { get; } = new ServiceCollection().BuildServiceProvider();

    private sealed record AdamwOptions : TrainingOptions
    {
        public override Cost Estimate(IServiceProvider services) => new();
    }

    /// <summary>The peer's vocabulary: 256 ids, none of them special; the one that would end a completion is never drawn.</summary>
    private sealed class Ids : ITokenizer
    {
        public int VocabularySize => Vocabulary;

        public int? EosId => Vocabulary;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [.. text.Select(letter => letter & 0xff)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Concat(tokens.ToArray().Select(token => (char)token));
    }
}
