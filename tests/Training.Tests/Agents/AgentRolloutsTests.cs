using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Agents;
using TorchSharp;

namespace Plumbline.Tests.Training.Agents;

public sealed class AgentRolloutsTests
{
    /// <summary>The letters have no signs, so letters part observations and actions.</summary>
    private static readonly AgentOptions InLetters = new() { ActionPrefix = "i", ObservationPrefix = "j", MaxReplyTokens = 3 };

    public static TheoryData<ReplyKind, int?> Ways => new() { { ReplyKind.Legal, null }, { ReplyKind.Legal, 1 }, { ReplyKind.Legal, 0 }, { ReplyKind.Free, null }, { ReplyKind.Free, 1 } };

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_was_recorded_while_acting_is_what_the_trainer_computes(ReplyKind replies, int? history)
    {
        var recorder = Run(options => options with { Agent = InLetters with { Replies = replies, History = history, Temperature = 0.8 } });
        Assert.Equal(4, recorder.Metrics.Count);
        Assert.All(recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-5));
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void A_model_that_reads_every_prompt_anew_plays_the_same_episodes(ReplyKind replies, int? history)
    {
        AgentRolloutsOptions Way(AgentRolloutsOptions options) => options with { Agent = InLetters with { Replies = replies, History = history } };
        var (with, without) = (new List<string>(), new List<string>());
        Run(Way, episodes: with);
        Run(Way, episodes: without, wrap: model => new ReadsAnew(model));
        Assert.Equal(with.Select(Actions), without.Select(Actions));

        static string Actions(string line) => string.Join(' ', JsonNode.Parse(line)!["turns"]!.AsArray().Select(turn => (string)turn!["action"]!));
    }

    [Fact]
    public void Held_to_legal_actions_a_reply_is_always_one()
    {
        var recorder = Run(options => options);
        Assert.All(recorder.Metrics, metrics => Assert.Equal(0, metrics["invalid_share"]));
        Assert.Contains(recorder.Metrics, metrics => metrics["success_rate"] > 0);
    }

    [Fact]
    public void A_free_reply_that_is_no_action_uses_up_a_turn()
    {
        var recorder = Run(options => options with { Agent = InLetters with { Replies = ReplyKind.Free }, Environment = Part<ITextEnvironment>.Of("rooms", new Rooms(listed: false)) });
        Assert.All(recorder.Metrics, metrics => Assert.True(metrics["invalid_share"] > 0 && metrics["turns"] <= 3));
    }

    [Fact]
    public void Actions_that_are_not_listed_are_refused_where_replies_are_held_to_them()
    {
        var error = Assert.Throws<PlumblineException>(() => Run(options => options with { Environment = Part<ITextEnvironment>.Of("rooms", new Rooms(listed: false)) }));
        Assert.Contains("\"replies\": \"free\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_dialogue_longer_than_the_context_loses_its_oldest_turns()
    {
        // More than four turns of six tokens do not fit into a context of 24.
        var episodes = new List<string>();
        var recorder = Run(options => options with { Environment = Part<ITextEnvironment>.Of("rooms", new Rooms(turns: 20)), GroupSize = 12 }, episodes: episodes);
        Assert.Contains(episodes, episode => JsonNode.Parse(episode)!["turns"]!.AsArray().Count > 4);
        Assert.All(recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-5));
    }

    [Fact]
    public void An_observation_that_does_not_fit_is_refused_with_the_remedy()
    {
        var error = Assert.Throws<PlumblineException>(() => Run(options => options with { Agent = InLetters with { Replies = ReplyKind.Free, MaxReplyTokens = 22 } }));
        Assert.Contains("context_length", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_members_of_a_group_have_one_task_and_differ()
    {
        var episodes = new List<string>();
        Run(options => options with { Steps = 1 }, episodes: episodes);
        var groups = episodes.Select(line => JsonNode.Parse(line)!).GroupBy(episode => (long)episode["group"]!).ToList();
        Assert.Equal(3, groups.Count);
        Assert.All(groups, group => Assert.Single(group.Select(episode => (long)episode["seed"]!).Distinct()));
        Assert.Contains(groups, group => group.Select(episode => episode["turns"]!.ToJsonString()).Distinct().Count() > 1);
    }

    [Fact]
    public void Episodes_on_file_are_learnt_from_again()
    {
        var path = Path.GetTempFileName();
        try
        {
            var episodes = new List<string>();
            var played = Run(options => options, episodes: episodes);
            File.WriteAllLines(path, episodes);
            var replayed = Run(options => options with { TrajectoriesFrom = path });
            string[] same = ["success_rate", "return_mean", "turns", "invalid_share"];
            Assert.Equal(played.Metrics.Select(metrics => same.Select(name => metrics[name])), replayed.Metrics.Select(metrics => same.Select(name => metrics[name])));
            // The same policy from the same episodes: the first gradient too.
            Assert.Equal(played.Metrics[0]["grad_norm"], replayed.Metrics[0]["grad_norm"], 1e-4);

            var error = Assert.Throws<PlumblineException>(() => Run(options => options with { TrajectoriesFrom = path, Environment = Part<ITextEnvironment>.Of("rooms", new Rooms(reward: 2)) }));
            Assert.Contains("replay diverged", error.Message, StringComparison.Ordinal);
            error = Assert.Throws<PlumblineException>(() => Run(options => options with { TrajectoriesFrom = path, Steps = 9 }));
            Assert.Contains("step 4", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Advantages_are_a_chain()
    {
        var second = new Doubled();
        Run(options => options with { Advantages = [Part<ITurnAdvantage>.Of("trajectories", new FromReturns()), Part<ITurnAdvantage>.Of("doubled", second)], Steps = 1 });
        Assert.NotEmpty(second.Seen);
        Assert.All(second.Seen, pair => Assert.Equal(2 * pair.Before, pair.After));
    }

    [Fact]
    public void A_whole_episodes_advantage_is_each_of_its_turns()
    {
        var gradient = new PolicyGradient();
        var recorder = Run(options => options with { Objective = Part<GroupObjective>.Of("policy-gradient", gradient), Steps = 6 });
        Assert.Contains(gradient.Batches, batch => batch.Advantages.Any(advantage => advantage != 0));
        // Mean 0 over the episodes of a group, not over their turns.
        Assert.Contains(gradient.Batches, batch => Math.Abs(batch.Advantages.Average()) > 1e-3);
        Assert.DoesNotContain("old_logps", gradient.Batches[0].Names);
        Assert.Equal(0, gradient.Batches[0].LargestLogRatio);
    }

    [Theory]
    [MemberData(nameof(Ways))]
    public void The_policys_logits_are_those_that_replies_were_drawn_from(ReplyKind replies, int? history)
    {
        var objective = new LogitsOfTokens();
        Run(options => options with { Agent = InLetters with { Replies = replies, History = history, Temperature = 0.7 }, Objective = Part<GroupObjective>.Of("logits", objective) });
        Assert.Equal(4, objective.LargestGaps.Count);
        Assert.All(objective.LargestGaps, gap => Assert.InRange(gap, 0, 1e-5));
    }

    [Fact]
    public void A_second_pass_is_off_policy()
    {
        var gradient = new PolicyGradient(Needs.Reference);
        Run(options => options with { Objective = Part<GroupObjective>.Of("policy-gradient", gradient), Steps = 6, EpochsPerBatch = 2, Minibatches = 2 });
        Assert.Equal(24, gradient.Batches.Count);
        Assert.Contains("old_logps", gradient.Batches[1].Names);
        Assert.True(gradient.Batches[^1].ReferenceGap > 0);
    }

    [Fact]
    public void A_reward_part_adds_to_the_rewards_of_turns()
    {
        var recorder = Run(options => options with { Rewards = [Scoring.Part("brief", rollout => 1.0 / rollout.Completion.Length)], Steps = 1 });
        Assert.True(recorder.Metrics[0]["return_mean"] > recorder.Metrics[0]["success_rate"]);
        Assert.True(recorder.Metrics[0]["reward/brief"] > 0);
    }

    [Fact]
    public void A_limit_of_turns_cuts_episodes()
    {
        var recorder = Run(options => options with { MaxTurns = 1 });
        Assert.All(recorder.Metrics, metrics => Assert.Equal(1, metrics["turns"]));
        Assert.Contains(recorder.Metrics, metrics => metrics["truncated"] > 0);
    }

    [Fact]
    public void Episodes_that_all_return_the_same_are_diagnosed()
    {
        var recorder = Run(options => options with { Environment = Part<ITextEnvironment>.Of("rooms", new Rooms(reward: 0)), Tasks = 6 });
        Assert.Equal("equal-rewards", Assert.Single(recorder.Diagnoses).Name);
    }

    [Fact]
    public void A_policy_that_chooses_learns_to_find_the_room()
    {
        using var tiny = new Tiny(dtype: ScalarType.Float64);
        tiny.Run.Models.Set("policy", new Chooser());
        new AgentRollouts(Options(tiny) with { Agent = new AgentOptions(), Steps = 40, TasksPerStep = 12, Tasks = 12, LearningRate = 0.1, SaveEvery = 0 }, tiny.Stage).Run(CancellationToken.None);
        Assert.True(tiny.Recorder.Metrics[^1]["success_rate"] > tiny.Recorder.Metrics[0]["success_rate"] + 0.3);
        Assert.All(tiny.Recorder.Metrics, metrics => Assert.InRange(metrics["sampler_gap"], 0, 1e-5));
        var evaluated = new EpisodeSuccess(new EpisodeSuccessOptions { Environment = Rooms.Part, Tasks = 12, Agent = new AgentOptions { Temperature = 0 } }).Evaluate(tiny.Stage, CancellationToken.None);
        Assert.True(evaluated["success"] > 0.5);
        Assert.Equal(evaluated["success"], evaluated["episode_return"]);
    }

    [Fact]
    public void What_only_a_language_model_reads_is_refused_where_a_policy_chooses()
    {
        using var tiny = new Tiny(dtype: ScalarType.Float64);
        tiny.Run.Models.Set("policy", new Chooser());
        var error = Assert.Throws<PlumblineException>(() => new AgentRollouts(Options(tiny), tiny.Stage).Run(CancellationToken.None));
        Assert.Contains("temperature", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Demonstrations_are_rows_that_the_agent_would_read()
    {
        var rows = new DemonstrationData(
            new DemonstrationDataOptions { Environment = Rooms.Part, Tasks = 4, PerTask = 1, Noise = 0, Agent = InLetters }, new Tiny.NoServices()).Load(Tiny.NewRun(3)).Train;
        // Seed 1 is in room b and is asked for c: go right, then say so.
        var turns = rows.Where(row => (long)row.Columns["task"]! == 1).ToList();
        Assert.Equal([("bci", "fg"), ("bcifgjcci", "h")], turns.Select(row => (row.Text("prompt"), row.Text("completion"))));
        var window = new DemonstrationData(
            new DemonstrationDataOptions { Environment = Rooms.Part, Tasks = 4, PerTask = 1, Noise = 0, Agent = InLetters with { History = 0 } }, new Tiny.NoServices()).Load(Tiny.NewRun(3)).Train;
        Assert.Equal("cci", window.Where(row => (long)row.Columns["task"]! == 1).Last().Text("prompt"));
    }

    [Fact]
    public void Noise_takes_legal_actions_by_lot()
    {
        var (clean, noisy) = (Shown(0), Shown(1));
        Assert.All(clean, turn => Assert.Equal(Math.Sign(turn.Seen.Text[1] - turn.Seen.Text[0]) switch { 0 => "h", 1 => "fg", _ => "f" }, turn.Action));
        Assert.Contains(noisy, turn => turn.Seen.Text[0] != turn.Seen.Text[1] && turn.Action == "h");

        static (Observation Seen, string Action)[] Shown(double noise) =>
            [.. Demonstrations.Of(new DemonstrationOptions { Environment = Rooms.Part, Tasks = 12, PerTask = 3, Noise = noise }, new Rooms(), new Draws(1)).SelectMany(demonstration => demonstration.Turns)];
    }

    private static MemoryRecorder Run(Func<AgentRolloutsOptions, AgentRolloutsOptions> change, List<string>? episodes = null, Func<ICausalModel, ICausalModel>? wrap = null)
    {
        using var tiny = new Tiny(seed: 11, wrap: wrap);
        new AgentRollouts(change(Options(tiny)), tiny.Stage).Run(CancellationToken.None);
        var path = Path.Combine(tiny.Run.Folder, "trajectories.jsonl");
        episodes?.AddRange(File.ReadAllLines(path));
        return tiny.Recorder;
    }

    private static AgentRolloutsOptions Options(Tiny tiny) => new()
    {
        Objective = Part<GroupObjective>.Of("policy-gradient", new PolicyGradient()),
        Environment = Rooms.Part,
        Agent = InLetters,
        TasksPerStep = 3,
        GroupSize = 4,
        Steps = 4,
        LearningRate = 0.01,
        Diagnostics = null,
    };

    /// <summary>Compares the log-probabilities with those that the logits give.</summary>
    private sealed class LogitsOfTokens : GroupObjective
    {
        internal List<double> LargestGaps { get; } = [];

        public override Needs Needs => Needs.Logits;

        public override Loss Compute(GroupBatch batch)
        {
            var logps = batch["policy_logits"].log_softmax(-1).gather(2, batch.Tokens.unsqueeze(2)).squeeze(2);
            LargestGaps.Add(((logps - batch.Logps) * batch.Mask).detach().abs().max().ToDouble());
            return new Loss((logps * batch.Mask).mean());
        }
    }

    private sealed class FromReturns : ITurnAdvantage
    {
        public Outputs Compute(Batch batch) => new() { ["advantages"] = batch["rewards"] + 1 };
    }

    private sealed class Doubled : ITurnAdvantage
    {
        internal List<(double Before, double After)> Seen { get; } = [];

        public Outputs Compute(Batch batch)
        {
            var after = batch["advantages"] * 2;
            Seen.AddRange(batch["advantages"].data<float>().ToArray().Zip(after.data<float>().ToArray(), (a, b) => ((double)a, (double)b)));
            return new Outputs { ["advantages"] = after };
        }
    }

    /// <summary>A model without the way to read further tokens onto a cache.</summary>
    private sealed class ReadsAnew(ICausalModel model) : ICausalModel
    {
        public TorchSharp.torch.nn.Module Network => model.Network;

        public ITokenizer Tokenizer => model.Tokenizer;

        public int ContextLength => model.ContextLength;

        public int Width => model.Width;

        public Tensor Hidden(Tensor tokens) => model.Hidden(tokens);

        public Tensor Logits(Tensor hidden) => model.Logits(hidden);

        public IKeyValueCache NewCache(int rows, int capacity) => model.NewCache(rows, capacity);

        public Tensor Prefill(Tensor tokens, IReadOnlyList<int> lengths, IKeyValueCache cache) => model.Prefill(tokens, lengths, cache);

        public Tensor Decode(Tensor tokens, IKeyValueCache cache) => model.Decode(tokens, cache);

        public IModel Freeze() => new ReadsAnew((ICausalModel)model.Freeze());

        public void Dispose() => model.Dispose();
    }
}
