using System.Text.Json.Nodes;

namespace Plumbline.Tests.Plugins.Runs;

/// <summary>Twelve letters and an end: the language of the small stages.</summary>
[Tokenizer("small-letters")]
public sealed class SmallLetters : ITokenizer
{
    public int VocabularySize => 15;

    public int? EosId => 12;

    public int PadId => 13;

    public int? BosId => 14;

    public int[] Encode(string text) => [.. text.Select(letter => letter - 'a')];

    public string Decode(ReadOnlySpan<int> tokens) => string.Concat(tokens.ToArray().Where(token => token < 12).Select(token => (char)('a' + token)));
}

/// <summary>Sixteen rows with something for every loop: completions, pairs, lists, steps and number columns.</summary>
[Data("small")]
public sealed class SmallData : IData
{
    private const string Letters = "abcdefghijkl";

    public DataSet Load(RunContext run) => new([.. Enumerable.Range(0, 16).Select(i => Row(i))], [.. Enumerable.Range(16, 4).Select(i => Row(i))]);

    private static Example Row(int i)
    {
        var draws = new Draws(11).Key(i);
        string Word(int key, int least, int most)
        {
            var length = least + draws.Key(key).Key(0).Below(most - least + 1);
            return string.Concat(Enumerable.Range(1, length).Select(place => Letters[draws.Key(key).Key(place).Below(Letters.Length)]));
        }

        var scores = Enumerable.Range(0, 4).Select(k => Math.Round(draws.Key(90 + k).Uniform() * 5, 2)).ToArray();
        return new Example(i, new JsonObject
        {
            ["prompt"] = Word(1, 1, 3),
            ["completion"] = Word(2, 1, 5),
            ["answer"] = Word(2, 1, 5),
            ["chosen"] = Word(3, 1, 5),
            ["rejected"] = Word(4, 1, 5),
            ["answers"] = new JsonArray([.. Enumerable.Range(0, 4).Select(k => (JsonNode)Word(10 + k, 1, 4))]),
            ["scores"] = new JsonArray([.. scores.Select(score => (JsonNode)score)]),
            ["items"] = new JsonArray([.. Enumerable.Range(0, 4).Select(k => (JsonNode)new JsonObject { ["text"] = Word(20 + k, 1, 3), ["relevance"] = Math.Max(0, 2 - k), ["rank"] = k + 1 })]),
            ["steps"] = new JsonArray([.. Enumerable.Range(0, 3).Select(k => (JsonNode)Word(30 + k, 1, 2))]),
            ["advantages"] = new JsonArray([.. Enumerable.Range(0, 3).Select(k => (JsonNode)Math.Round(draws.Key(40 + k).Normal(), 3))]),
            ["rewards"] = i % 2,
            ["phase"] = i % 2,
            ["annotator_ids"] = 0,
            ["preference"] = Math.Round(draws.Key(50).Uniform(), 3),
            ["margins"] = 0.1,
            ["chosen_scores"] = Math.Round(draws.Key(51).Normal(), 3),
            ["rejected_scores"] = Math.Round(draws.Key(52).Normal(), 3),
            ["chosen_win_rates"] = 0.7,
            ["rejected_win_rates"] = 0.4,
            ["chosen_probs"] = 0.8,
        });
    }
}

/// <summary>Pays for the letter a and, a little, for brevity.</summary>
[Reward("small-reward")]
public sealed class SmallReward : RowReward
{
    public override double Score(Rollout rollout) => rollout.Text.Count(letter => letter <= 'd') - (0.1 * rollout.Completion.Length);
}

/// <summary>Pays one for a letter a anywhere, else nothing: for methods that want right and wrong.</summary>
[Reward("small-verdict")]
public sealed class SmallVerdict : RowReward
{
    public override double Score(Rollout rollout) => rollout.Text.Any(letter => letter <= 'c') ? 1 : 0;
}

/// <summary>Prefers the answer with more of the first letters.</summary>
[Judge("small-judge")]
public sealed class SmallJudge : IJudge
{
    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context) =>
        [.. pairs.Select(pair => 1 / (1 + Math.Exp(Count(pair.Second) - Count(pair.First))))];

    private static double Count(Rollout rollout) => rollout.Text.Count(letter => letter <= 'd') - (0.1 * rollout.Completion.Length);
}

/// <summary>Four rooms in a row: go left ("e") or right ("f"), or say that this is the room asked for ("gh"). The text is the room, then the room asked for.</summary>
[Environment("small-rooms")]
public sealed class SmallRooms : ITextEnvironment
{
    public IEpisode Reset(long seed) => new Walk((int)(seed % 4), (int)((seed + 1 + (seed / 4 % 3)) % 4));

    private sealed class Walk(int room, int goal) : IEpisode
    {
        private int _room = room;
        private int _turns;
        private bool _ended;

        public Observation Observation => new($"{(char)('a' + _room)}{(char)('a' + goal)}", $"{_room}", _ended ? [] : ["e", "f", "gh"]);

        public Outcome Step(string action)
        {
            var done = action == "gh";
            _room = Math.Clamp(_room + (action == "e" ? -1 : action == "f" ? 1 : 0), 0, 3);
            var truncated = ++_turns == 3 && !done;
            _ended = done || truncated;
            var success = done && _room == goal;
            return new Outcome(Observation, success ? 1 : 0) { Terminated = done, Truncated = truncated, Valid = done || action is "e" or "f", Success = success };
        }
    }
}
