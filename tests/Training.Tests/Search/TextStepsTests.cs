using System.Text.Json.Nodes;
using Plumbline.Training;
using Plumbline.Training.Search;
using TorchSharp;

namespace Plumbline.Tests.Search;

public sealed class TextStepsTests
{
    private static readonly Tiny.NoServices Services = new();

    [Fact]
    public void Kept_caches_change_nothing_but_rounding()
    {
        using var tiny = new Tiny(dtype: ScalarType.Float64);
        foreach (var search in new ISearch[] { new Beam(new BeamOptions { Beams = 3, Depth = 5 }, Services), new BestOf(new BestOfOptions { Paths = 4, Depth = 4 }, Services), new Mcts(new MctsOptions { Iterations = 4, Depth = 3 }, Services) })
        {
            var (kept, anew) = (Search(tiny, search, kept: 8), Search(tiny, search, kept: 0));
            for (var task = 0; task < kept.Count; task++)
            {
                Assert.Equal(anew[task].Paths[0], kept[task].Paths[0]);
                Assert.Equal(anew[task].Best.Steps.SelectMany(step => step.Tokens), kept[task].Best.Steps.SelectMany(step => step.Tokens));
            }
        }
    }

    [Fact]
    public void What_a_search_records_is_what_the_scorer_computes()
    {
        using var tiny = new Tiny();
        var results = Search(tiny, new BestOf(new BestOfOptions { Paths = 5, Depth = 3 }, Services), kept: 8);
        var ends = results.SelectMany(result => result.Paths.Select(path => result.Tree[path[^1]].State!)).ToArray();
        var scored = new SequenceScorer(tiny.Policy).Score([.. ends.Select(end => new PromptedSequence(end.Task.Prompt!, [.. end.Steps.SelectMany(step => step.Tokens)]))]);
        for (var row = 0; row < ends.Length; row++)
        {
            Assert.Equal(ends[row].Steps.Sum(step => step.Logps.Sum()), torch.sum(scored.Logps[row]).to_type(ScalarType.Float64).ToDouble(), 1e-3);
        }
    }

    [Fact]
    public void A_step_ends_where_its_text_says_or_its_tokens_are_up()
    {
        using var tiny = new Tiny();
        using var space = new TextSteps(new TextStepsOptions { StepEnd = "a", StepTokens = 4, MaxNewTokens = 12 }, Services).Open(tiny.Policy);
        var expansion = new Expansion(space.Roots([Task(tiny, "ab", 0)])[0], 60, new Draws(5));
        space.Expand([expansion], TestContext.Current.CancellationToken);
        Assert.Equal(60, expansion.ModelCalls);
        Assert.All(expansion.Children, child => Assert.True(child.Step!.Text.EndsWith('a') || child.Terminal || child.Step.Tokens.Length == 4, child.Step.Text));
        Assert.All(expansion.Children, child => Assert.DoesNotContain('a', child.Step!.Text[..^Math.Min(1, child.Step.Text.Length)]));
        Assert.Contains(expansion.Children, child => child.Step!.Text.EndsWith('a'));
        var last = new Expansion(expansion.State, 20, new Draws(6)) { Last = true };
        space.Expand([last], TestContext.Current.CancellationToken);
        Assert.All(last.Children, child => Assert.True(child.Terminal));
    }

    [Fact]
    public void The_likeliest_steps_are_single_tokens()
    {
        using var tiny = new Tiny();
        using var space = new TextSteps(new TextStepsOptions(), Services).Open(tiny.Policy);
        var expansion = new Expansion(space.Roots([Task(tiny, "ab", 0)])[0], 2, new Draws(5)) { Proposal = Proposal.Likeliest };
        Assert.Contains("step_tokens", Assert.Throws<PlumblineException>(() => space.Expand([expansion], TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_right_path_is_novel_where_it_is_no_beginning_of_the_worked_solution()
    {
        using var model = new Chain(3, seed: 8, ends: false);
        using var space = Chain.Space(options => options with { MaxNewTokens = 1, Solution = "solution" }).Open(model);
        var task = new SearchTask(new Example(0, new JsonObject { ["prompt"] = "0", ["solution"] = "12" }), [0], new Draws(2));
        var expansion = new Expansion(space.Roots([task])[0], 3, new Draws(5)) { Proposal = Proposal.Likeliest };
        space.Expand([expansion], TestContext.Current.CancellationToken);
        Assert.All(expansion.Children, child => Assert.Equal(child.Step!.Text != "1", child.Novel));
    }

    [Fact]
    public void Decoding_by_a_beam_of_one_is_greedy_decoding()
    {
        using var tiny = new Tiny();
        var sampler = new TreeSearch(
            new TreeSearchOptions { Search = Part<ISearch>.Of("beam", new Beam(new BeamOptions { Beams = 1, Depth = 5 }, Services)), Space = Part<ISearchSpaces>.Of("text-steps", Steps(8)) }, Services);
        SamplingRequest[] requests = [.. new[] { "ab", "cde", "f" }.Select((text, i) => new SamplingRequest(new Example(i, []), i, tiny.Policy.Tokenizer.Encode(text), 2, new Draws(4).Key(i)))];
        var greedy = Tiny.Sampler(most: 5, temperature: 0).Create(Services).Sample(tiny.Policy, requests, TestContext.Current.CancellationToken);
        var searched = sampler.Sample(tiny.Policy, requests, TestContext.Current.CancellationToken);
        Assert.Equal(greedy.Select(rollout => rollout.Text), searched.Select(rollout => rollout.Text));
        Assert.Equal(greedy.Select(rollout => rollout.Truncated), searched.Select(rollout => rollout.Truncated));
        Assert.Equal(greedy.Select(rollout => (rollout.GroupId, rollout.Sample)), searched.Select(rollout => (rollout.GroupId, rollout.Sample)));
    }

    [Fact]
    public void The_completions_of_one_search_are_its_best_paths()
    {
        using var tiny = new Tiny();
        var sampler = new TreeSearch(
            new TreeSearchOptions { Search = Part<ISearch>.Of("beam", new Beam(new BeamOptions { Beams = 3, Depth = 4 }, Services)), Space = Part<ISearchSpaces>.Of("text-steps", Steps(8)), OneSearch = true }, Services);
        SamplingRequest Request(int count) => new(new Example(0, []), 0, tiny.Policy.Tokenizer.Encode("ab"), count, new Draws(4));
        var rollouts = sampler.Sample(tiny.Policy, [Request(3)], TestContext.Current.CancellationToken);
        double[] likelihoods = [.. rollouts.Select(rollout => rollout.Logps.Sum(logp => (double)logp))];
        Assert.Equal(likelihoods.OrderDescending(), likelihoods);
        Assert.Equal(3, rollouts.Select(rollout => string.Join(',', rollout.Completion)).Distinct().Count());
        Assert.Contains("one_search", Assert.Throws<PlumblineException>(() => sampler.Sample(tiny.Policy, [Request(4)], TestContext.Current.CancellationToken)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Self_evaluation_is_the_probability_of_the_next_token()
    {
        using var tiny = new Tiny();
        using var space = Steps(0).Open(tiny.Policy);
        var expansion = new Expansion(space.Roots([Task(tiny, "ab", 0)])[0], 3, new Draws(5));
        space.Expand([expansion], TestContext.Current.CancellationToken);
        var options = new SelfEvaluationOptions { Question = "{prompt}{answer}", Correct = ["a", "b"] };
        var plain = new SelfEvaluation(options).Values(expansion.Children, space);
        var among = new SelfEvaluation(options with { Incorrect = ["c"] }).Values(expansion.Children, space);
        var wrong = new SelfEvaluation(options with { Correct = ["c"] }).Values(expansion.Children, space);
        for (var i = 0; i < plain.Length; i++)
        {
            Assert.InRange(plain[i], 1e-6, 1);
            Assert.Equal(plain[i] / (plain[i] + wrong[i]), among[i], 6);
            // The policy's own next token after the same text.
            var text = "ab" + expansion.Children[i].Step!.Text;
            var scored = new SequenceScorer(tiny.Policy).Score([.. new[] { 0, 1 }.Select(token => new PromptedSequence([12, .. tiny.Policy.Tokenizer.Encode(text)], [token]))]);
            Assert.Equal(Math.Exp(scored.Logps[0, 0].to_type(ScalarType.Float64).ToDouble()) + Math.Exp(scored.Logps[1, 0].to_type(ScalarType.Float64).ToDouble()), plain[i], 4);
        }
    }

    private static TextSteps Steps(int kept) => new(new TextStepsOptions { StepEnd = null, StepTokens = 1, MaxNewTokens = 5, KeptCaches = kept }, Services);

    private static SearchTask Task(Tiny tiny, string prompt, int index) =>
        new(new Example(index, new JsonObject { ["prompt"] = prompt }), [12, .. tiny.Policy.Tokenizer.Encode(prompt)], new Draws(9).Key(index));

    private static IReadOnlyList<SearchResult> Search(Tiny tiny, ISearch search, int kept)
    {
        using var space = Steps(kept).Open(tiny.Policy);
        return search.Search(space, space.Roots([Task(tiny, "ab", 0), Task(tiny, "cde", 1)]), TestContext.Current.CancellationToken);
    }
}
