using System.Globalization;
using Plumbline.Training.Models;
using static TorchSharp.torch;

namespace Plumbline.Plugins.PreferenceGame;

/// <summary>Options of the model <c>preference-game</c>.</summary>
public sealed record GameModelOptions
{
    /// <summary>The games whose answers it gives.</summary>
    public required Part<IData> Data { get; init; }
}

/// <summary>A table policy for games: for each prompt one distribution over its answers, from the logits that the games' rows bring.</summary>
[Model("preference-game")]
public sealed class GameModel : TableModel
{
    /// <summary>Builds the table on the run's device and dtype.</summary>
    public GameModel(GameModelOptions options, RunContext run, IServiceProvider services)
        : this(GameRows.Read(options?.Data ?? throw new ArgumentNullException(nameof(options)), services, run).Start, run)
    {
    }

    private GameModel(Tensor start, RunContext run)
        : base(new Places((int)Math.Max(start.shape[0], start.shape[1])), start.unsqueeze(1).to(run.Device).to_type(run.Dtype))
    {
    }

    /// <summary>Tokens are the numbers of prompts and of answers.</summary>
    private sealed class Places(int count) : ITokenizer
    {
        public int VocabularySize => count;

        public int? EosId => null;

        public int PadId => 0;

        public int? BosId => null;

        public int[] Encode(string text) => [int.Parse(text, CultureInfo.InvariantCulture)];

        public string Decode(ReadOnlySpan<int> tokens) => string.Join(' ', tokens.ToArray());
    }
}
