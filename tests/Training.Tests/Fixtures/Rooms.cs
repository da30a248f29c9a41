namespace Plumbline.Tests;

/// <summary>Four rooms in a row, a to d: "f" goes left, "fg" goes right, "h" says that this is the room asked for. The text is the room, then the room asked for.</summary>
internal sealed class Rooms(int turns = 3, bool listed = true, bool clones = true, double reward = 1) : ITextEnvironment
{
    internal static Part<ITextEnvironment> Part => Part<ITextEnvironment>.Of("rooms", new Rooms());

    public IEpisode Reset(long seed) => new Walk((int)(seed % 4), (int)((seed + 1 + (seed / 4 % 3)) % 4), turns, listed, clones, reward);

    private sealed class Walk(int room, int goal, int turns, bool listed, bool clones, double reward) : IEpisode
    {
        private int _room = room;
        private int _turns;
        private bool _ended;

        public Observation Observation => new($"{(char)('a' + _room)}{(char)('a' + goal)}", $"{_room}", !listed ? null : _ended ? [] : ["f", "fg", "h"]);

        public bool CanClone => clones;

        public string? ExpertAction => _room == goal ? "h" : _room < goal ? "fg" : "f";

        public IEpisode Clone() => (IEpisode)MemberwiseClone();

        public Outcome Step(string action)
        {
            var valid = action is "f" or "fg" or "h";
            var done = action == "h";
            _room = Math.Clamp(_room + (action == "f" ? -1 : action == "fg" ? 1 : 0), 0, 3);
            var truncated = ++_turns == turns && !done;
            _ended = done || truncated;
            var success = done && _room == goal;
            return new Outcome(Observation, success ? reward : 0) { Terminated = done, Truncated = truncated, Valid = valid, Success = success };
        }
    }
}

/// <summary>A table of logits for each text in hand: the least policy that chooses.</summary>
internal sealed class Chooser : IChoiceModel
{
    private readonly Dictionary<string, long> _rows = [];
    private readonly Entries _entries;

    internal Chooser()
        : this(TorchSharp.torch.zeros([64, 4], ScalarType.Float64), [])
    {
    }

    private Chooser(Tensor start, Dictionary<string, long> rows) => (_entries, _rows) = (new Entries(start), rows);

    public TorchSharp.torch.nn.Module Network => _entries;

    public Tensor Logits(IReadOnlyList<Choice> choices)
    {
        foreach (var choice in choices)
        {
            _rows.TryAdd(choice.History[^1], _rows.Count);
        }

        return _entries.Logits.index_select(0, TorchSharp.torch.tensor(choices.Select(choice => _rows[choice.History[^1]]).ToArray())).narrow(1, 0, choices.Max(choice => choice.Options.Count));
    }

    public IModel Freeze() => new Chooser(_entries.Logits.detach(), new(_rows));

    public void Dispose() => _entries.Dispose();

    private sealed class Entries : TorchSharp.torch.nn.Module
    {
        internal Entries(Tensor start)
            : base(nameof(Entries))
        {
            using var copy = start.clone();
            Logits = new TorchSharp.Modules.Parameter(copy);
            register_parameter("logits", Logits);
        }

        internal TorchSharp.Modules.Parameter Logits { get; }
    }
}
