namespace Plumbline.Training.Environments;

/// <summary>Options of <c>mini-house</c>.</summary>
public sealed record MiniHouseOptions
{
    /// <summary>Steps after which an episode is cut.</summary>
    [Positive]
    public int MaxSteps { get; init; } = 20;
}

/// <summary>A small household, partly observed: find an object, clean, heat or cool it, put it where it belongs.</summary>
/// <remarks>Six places, two of them with doors that begin closed; three objects. Only what lies at an open place where the agent stands is seen.</remarks>
[Environment("mini-house")]
public sealed class MiniHouse(MiniHouseOptions options) : ITextEnvironment
{
    private const string Any = "none";
    private const string Hand = "hand";
    private static readonly string[] Places = ["table", "shelf", "drawer", "fridge", "sink", "stove"];
    private static readonly string[] Doors = ["drawer", "fridge"];
    private static readonly string[] Objects = ["apple", "cup", "key"];
    private static readonly string[] Starts = ["table", "shelf", "drawer", "fridge"];
    private static readonly (string Verb, string Place, string Condition)[] Tools = [("clean", "sink", "clean"), ("heat", "stove", "hot"), ("cool", "fridge", "cold")];

    private static readonly (string Object, string Condition)[] Tasks =
        [("apple", Any), ("apple", "clean"), ("apple", "hot"), ("apple", "cold"), ("cup", Any), ("cup", "clean"), ("key", Any)];

    /// <inheritdoc/>
    public IEpisode Reset(long seed) => new Day(seed, options.MaxSteps);

    /// <summary>What actions lead to.</summary>
    /// <param name="seed">The task.</param>
    /// <param name="actions">Taken one after the other.</param>
    /// <param name="options">The limit of steps.</param>
    [Target("gigpo/env_house")]
    public static EpisodeTrace Trace(long seed, IReadOnlyList<string> actions, MiniHouseOptions options) => new EpisodeHarness(new MiniHouse(options)).Trace(seed, actions);

    private sealed record Goal(string Object, string Condition, string Place);

    private sealed record Thing(string Name, string Place, string Condition)
    {
        internal string Label => Condition == Any ? Name : $"{Condition} {Name}";
    }

    /// <summary>Where everything is.</summary>
    private sealed record House(string At, string[] Open, Thing[] Things);

    private sealed class Day : TextEpisode
    {
        private readonly Goal _goal;
        private House _house;

        internal Day(long seed, int maxSteps)
            : base(maxSteps)
        {
            var draws = new SplitMix64(seed);
            var (thing, condition) = draws.Pick(Tasks);
            _goal = new Goal(thing, condition, draws.Pick(["table", "shelf", "drawer"]));
            _house = new House("door", [], [.. Objects.Select(name => new Thing(name, draws.Pick([.. Starts.Where(place => name != _goal.Object || place != _goal.Place)]), Any))]);
        }

        public override string ExpertAction
        {
            get
            {
                var target = _house.Things.First(thing => thing.Name == _goal.Object);
                if (Held == target)
                {
                    if (_goal.Condition != Any && target.Condition != _goal.Condition)
                    {
                        var tool = Tools.First(tool => tool.Condition == _goal.Condition);
                        return At(tool.Place, $"{tool.Verb} {target.Name}");
                    }

                    return At(_goal.Place, Closed(_goal.Place) ? $"open {_goal.Place}" : $"put {target.Name} in {_goal.Place}");
                }

                return Held is not { } other ? At(target.Place, Closed(target.Place) ? $"open {target.Place}" : $"take {target.Name} from {target.Place}")
                    : _house.At == "door" ? "go to table"
                    : Closed(_house.At) ? $"open {_house.At}" : $"put {other.Name} in {_house.At}";
            }
        }

        protected override string Text =>
            $"Task: put {(_goal.Condition == Any ? string.Empty : _goal.Condition + " ")}{_goal.Object} in {_goal.Place}.\n"
            + $"You are at the {_house.At}.{(_house.At == "door" ? string.Empty : Closed(_house.At) ? " It is closed." : $" You see {Nothing(string.Join(", ", Here.Select(thing => thing.Label)))}.")}\n"
            + $"You hold {Nothing(Held?.Label)}.";

        protected override string StateKey =>
            $"at:{_house.At}|{string.Join('|', Doors.Select(door => $"{door}:{(Closed(door) ? "closed" : "open")}"))}|{string.Join('|', _house.Things.Select(thing => $"{thing.Name}:{thing.Place}:{thing.Condition}"))}";

        protected override IReadOnlyList<string> Legal
        {
            get
            {
                List<string> legal = [.. Places.Where(place => place != _house.At).Select(place => $"go to {place}")];
                if (Doors.Contains(_house.At))
                {
                    legal.Add($"{(Closed(_house.At) ? "open" : "close")} {_house.At}");
                }

                if (_house.At != "door" && !Closed(_house.At))
                {
                    legal.AddRange(Held is { } held ? [$"put {held.Name} in {_house.At}"] : Here.Select(thing => $"take {thing.Name} from {_house.At}"));
                }

                legal.AddRange(Tools.Where(tool => tool.Place == _house.At && Held is not null).Select(tool => $"{tool.Verb} {Held!.Name}"));
                return legal;
            }
        }

        private Thing? Held => _house.Things.FirstOrDefault(thing => thing.Place == Hand);

        private IEnumerable<Thing> Here => _house.Things.Where(thing => thing.Place == _house.At);

        protected override Effect Act(string action)
        {
            var words = action.Split(' ');
            _house = words[0] switch
            {
                "go" => _house with { At = words[2] },
                "open" => _house with { Open = [.. _house.Open, words[1]] },
                "close" => _house with { Open = [.. _house.Open.Where(place => place != words[1])] },
                "take" => Change(words[1], thing => thing with { Place = Hand }),
                "put" => Change(words[1], thing => thing with { Place = _house.At }),
                var verb => Change(words[1], thing => thing with { Condition = Tools.First(tool => tool.Verb == verb).Condition }),
            };
            var done = _house.Things.Any(thing => thing.Name == _goal.Object && thing.Place == _goal.Place && (_goal.Condition == Any || thing.Condition == _goal.Condition));
            return done ? new(1, true, true) : default;
        }

        private House Change(string name, Func<Thing, Thing> change) => _house with { Things = [.. _house.Things.Select(thing => thing.Name == name ? change(thing) : thing)] };

        private bool Closed(string place) => Doors.Contains(place) && !_house.Open.Contains(place);

        private string At(string place, string action) => _house.At == place ? action : $"go to {place}";

        private static string Nothing(string? label) => string.IsNullOrEmpty(label) ? "nothing" : label;
    }
}
