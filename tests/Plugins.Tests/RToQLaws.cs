using System.Text.Json.Nodes;
using Plumbline.Plugins.Dpo;
using Plumbline.Plugins.RToQ;
using Plumbline.Plugins.Table;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class RToQLaws
{
    private static readonly RToQOptions Options = new() { Beta = 0.3 };

    [Fact]
    public void The_loss_and_the_rewards_of_answers_are_those_of_dpo() => Given.AnyBatch(random =>
    {
        var batch = random.Pairs();
        var (mine, dpo) = (new RToQ(Options).Compute(batch), new Dpo(new DpoOptions { Beta = 0.3 }).Compute(batch));
        Given.Same(dpo.Value, mine.Value);
        Given.Same(dpo.GradientOf(batch.PolicyChosenLogps), mine.GradientOf(batch.PolicyChosenLogps));
        foreach (var side in new[] { "chosen", "rejected" })
        {
            Given.Same(dpo.Tensor(side + "_rewards"), mine.Tensor(side + "_rewards"));
            Given.Same(mine.Tensor(side + "_rewards"), mine.Tensor(side + "_token_rewards").sum(1));
        }
    });

    [Fact]
    public void The_rewards_that_logits_imply_telescope_to_the_token_rewards_and_the_value_of_the_start() => Given.AnyBatch(random =>
    {
        var values = Values(random.Normal(1, 3, 5, 3), random.Normal(1, 3, 5, 3), random);
        Given.Same(values.Tensor("token_rewards").sum(1) + values.Tensor("start_values"), values.Tensor("rewards").sum(1));
    });

    [Fact]
    public void A_constant_on_a_positions_logits_is_a_potential() => Given.AnyBatch(random =>
    {
        var (policy, reference, seed) = (random.Normal(1, 3, 5, 3), random.Normal(1, 3, 5, 3), random.Next());
        var (plain, shifted) = (Values(policy, reference, new Random(seed)), Values(policy + (1 + random.Normal(1, 3, 5, 1).abs()), reference, new Random(seed)));
        Given.Same(plain.Tensor("advantages"), shifted.Tensor("advantages"));
        Given.Same(plain.Tensor("token_rewards"), shifted.Tensor("token_rewards"));
        Assert.All(["q", "v", "rewards"], name => Assert.True((plain.Tensor(name) - shifted.Tensor(name)).abs().max().ToDouble() > 0.01));
    });

    [Fact]
    public void A_policy_that_is_the_reference_earns_nothing_and_does_not_drift() => Given.AnyBatch(random =>
    {
        var (logits, mask) = (random.Normal(1, 3, 5, 3), random.Mask(3, 5));
        Given.Same(0, RToQ.Drift(logits, logits, mask, Options).Tensor("expected_rewards"));
        Given.Same(0, Values(logits, logits, random).Tensor("token_rewards"));
        Assert.True(RToQ.Drift(logits, random.Normal(1, 3, 5, 3), mask, Options).Tensor("expected_rewards").max().ToDouble() < 0);
    });

    [Fact]
    public void The_optimum_of_a_tree_gives_its_rewards_back_and_is_a_policy() => Given.AnyBatch(random =>
    {
        var (reference, rewards) = (new[] { random.Normal(1, 1, 2), random.Normal(1, 2, 2), random.Normal(1, 4, 2) }, random.Normal(1, 8));
        var optimal = RToQ.Optimal(reference, rewards, Options);
        var policies = (Tensor[])optimal["log_policies"];
        Given.Same(rewards, (optimal.Tensor("sequence_log_ratios") * Options.Beta) + ((Tensor[])optimal["values"])[0]);
        // Along a sequence the log-ratios of the tokens add up to that of the sequence.
        var along = zeros([1], ScalarType.Float64);
        for (var depth = 0; depth < 3; depth++)
        {
            Given.Same(1, policies[depth].exp().sum(1));
            along = (along.unsqueeze(1) + policies[depth] - reference[depth].log_softmax(1)).reshape(-1);
        }

        Given.Same(optimal.Tensor("sequence_log_ratios"), along);
    });

    [Fact]
    public void One_beam_is_greedy_and_as_many_as_there_are_sequences_find_the_likeliest() => Given.AnyBatch(random =>
    {
        var logits = random.Normal(1.5, 3, 3);
        var logps = logits.log_softmax(1);
        int[] Beams(int beams) => ((int[][])RToQ.BeamSearch(logits, 0, null, new BeamSearchOptions { Beams = beams, MaxTokens = 4 })["sequences"])[0];
        var (greedy, before) = (new int[4], 0);
        for (var t = 0; t < 4; t++)
        {
            greedy[t] = before = (int)logps[before].argmax().item<long>();
        }

        Assert.Equal(greedy, Beams(1));
        double Of(int[] tokens) => tokens.Select((token, t) => logps[t == 0 ? 0 : tokens[t - 1], token].ToDouble()).Sum();
        var likeliest = Enumerable.Range(0, 81).Max(number => Of([number / 27, number / 9 % 3, number / 3 % 3, number % 3]));
        Assert.Equal(likeliest, Of(Beams(81)), 9);
    });

    [Fact]
    public void The_observer_tells_rewards_and_drift_against_each_reference_every_so_many_steps()
    {
        using var stage = new ToyStage();
        Trained(stage);
        var observer = new RewardDrift(new RewardDriftOptions { Data = Pairs, Beta = 0.5, Every = 2, References = ["reference", "base"] }, stage.Stage);
        observer.OnBegin(4, stage.Recorder);
        Assert.Empty(observer.Measure(0));
        var measured = observer.Measure(1);
        // The policy puts e/(e+3) on token 0 and 1/(e+3) on the others; the reference a quarter on each.
        var (more, less) = (1 - Math.Log(Math.E + 3) + Math.Log(4), -Math.Log(Math.E + 3) + Math.Log(4));
        Assert.Equal(0.5 * (more + less), measured["r-to-q/reference/chosen_reward"], 6);
        Assert.Equal(0.5 * 2 * less, measured["r-to-q/reference/rejected_reward"], 6);
        Assert.Equal(0.5 * 2 * ((more + (3 * less)) / 4), measured["r-to-q/reference/drift"], 6);
        Assert.Equal(0, measured["r-to-q/base/chosen_reward"], 6);
        Assert.Equal(0, measured["r-to-q/base/drift"], 6);
    }

    [Fact]
    public void The_analysis_writes_the_reward_of_every_token_and_the_worst()
    {
        using var stage = new ToyStage();
        Trained(stage);
        var results = new TokenCredit(new TokenCreditOptions { Data = Pairs, Beta = 0.5, Answers = ["chosen", "rejected"] }).Evaluate(stage.Stage, CancellationToken.None);
        var answers = JsonNode.Parse(File.ReadAllText(Path.Combine(stage.Run.Folder, "stage.credit.json")))!["answers"]!.AsArray();
        Assert.Equal(["chosen", "rejected"], answers.Select(answer => (string)answer!["answer"]!));
        Assert.Equal(["0", "3"], answers[0]!["tokens"]!.AsArray().Select(token => (string)token!));
        // Token 3 is the one that the policy made less likely.
        Assert.Equal([1], answers[0]!["worst_tokens"]!.AsArray().Select(place => (int)place!));
        Assert.Equal([0], answers[1]!["worst_tokens"]!.AsArray().Select(place => (int)place!));
        Assert.Equal(answers.Average(answer => (double)answer!["total"]!), results["credit_total"], 9);
        Assert.Equal(-0.5 * (Math.Log(Math.E + 3) - Math.Log(4)), results["credit_worst"], 6);
        Assert.Equal(2, File.ReadAllText(Path.Combine(stage.Run.Folder, "stage.credit.html")).Split("class=\"worst\"").Length - 1);
    }

    [Fact]
    public void An_analysis_without_a_reference_says_what_is_missing()
    {
        using var stage = new ToyStage();
        stage.Run.Models.Set("policy", New(stage));
        var refused = Assert.Throws<PlumblineException>(() => new TokenCredit(new TokenCreditOptions { Data = Pairs }).Evaluate(stage.Stage, CancellationToken.None));
        Assert.Contains("'reference'", refused.Message, StringComparison.Ordinal);
    }

    private static Part<IData> Pairs => ToyStage.Data(new JsonObject { ["prompt"] = "1", ["chosen"] = "0 3", ["rejected"] = "2 3" });

    /// <summary>A policy that prefers token 0, a flat reference, and the policy itself as the role base.</summary>
    private static void Trained(ToyStage stage)
    {
        var policy = New(stage);
        stage.Run.Models.Set("policy", policy);
        stage.Run.Models.Set("reference", policy.Freeze());
        using (no_grad())
        {
            policy.Values.narrow(2, 0, 1).add_(1);
        }

        stage.Run.Models.Set("base", policy.Freeze());
    }

    private static Table New(ToyStage stage) => new(new TableOptions { Prompts = 2, Positions = 2, Tokenizer = ToyStage.Numbers(4) }, stage.Run, ToyStage.Services);

    private static Outputs Values(Tensor policy, Tensor reference, Random random) => RToQ.Values(policy, reference, random.Tokens(3, 5), random.Mask(3, 5), Options);
}
