using TorchSharp;
using Plumbline.Training.Engine;
using static TorchSharp.torch;

namespace Plumbline.Training.Search;

/// <summary>Texts that a language model writes step by step: a step is a line, or so many tokens.</summary>
[Part(SearchKinds.Space, "text-steps")]
public sealed class TextSteps(TextStepsOptions options, IServiceProvider services) : ISearchSpaces
{
    private readonly IReward? _reward = options.Reward?.Create(services);

    /// <inheritdoc/>
    public double Temperature => options.Temperature;

    /// <inheritdoc/>
    public ISearchSpace Open(IModel policy) => new TextSpace(
        policy as ICausalModel ?? throw new PlumblineException("the search space 'text-steps' wants a language model, and the policy is none"), options, _reward);
}

/// <summary>A text so far.</summary>
internal sealed class TextState : SearchState
{
    /// <summary>Tokens of the prompt.</summary>
    internal required int[] Prompt { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<int> Context => [.. Prompt, .. Tokens];

    /// <summary>Tokens written since the prompt.</summary>
    internal required int[] Tokens { get; init; }

    /// <summary>The log-probability of each.</summary>
    internal required float[] Logps { get; init; }

    /// <summary>Whether the longest path cut it.</summary>
    internal bool Truncated { get; init; }

    /// <summary>Where the keys and values of all its tokens but the last are, while they are kept.</summary>
    internal (CacheBlock Block, int Row)? Kept { get; set; }

    /// <summary>The text as a completion.</summary>
    internal Rollout Rollout(ITokenizer tokenizer, int sample) => new()
    {
        Example = Task.Example,
        GroupId = Task.Example.Index,
        Sample = sample,
        Prompt = Prompt,
        Completion = Tokens,
        Logps = Logps,
        Text = tokenizer.Decode(Tokens),
        Truncated = Truncated,
    };
}

/// <summary>Keys and values of states that were made together.</summary>
internal sealed class CacheBlock(IKeyValueCache cache) : IDisposable
{
    internal IKeyValueCache? Cache { get; private set; } = cache;

    public void Dispose()
    {
        Cache?.Dispose();
        Cache = null;
    }
}

/// <summary>The space of <see cref="TextSteps"/> for one policy.</summary>
/// <remarks>
/// States that were proposed together share a key-value cache. Where all that are asked for lie in one such cache, each branch selects its row and goes on;
/// else their texts are read anew, all at once.
/// </remarks>
internal sealed class TextSpace(ICausalModel model, TextStepsOptions options, IReward? reward) : ISearchSpace
{
    private readonly LinkedList<CacheBlock> _kept = [];

    /// <inheritdoc/>
    public IModel Policy => model;

    /// <inheritdoc/>
    public IReadOnlyList<SearchState> Roots(IReadOnlyList<SearchTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        var builder = new SequenceBuilder(model, null, OverlongPolicy.Refuse);
        return [.. tasks.Select(task =>
        {
            var prompt = task.Prompt ?? builder.Prompt(task.Example);
            return prompt.Length > 0 && prompt.Length < model.ContextLength ? new TextState { Task = task, Prompt = prompt, Tokens = [], Logps = [] }
                : throw new PlumblineException($"the prompt of row {task.Example.Index} has {prompt.Length} tokens: it is empty, or leaves no room for a step in the model's context_length of {model.ContextLength}");
        })];
    }

    /// <inheritdoc/>
    public void Expand(IReadOnlyList<Expansion> expansions, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(expansions);
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var device = model.Network.parameters().First().device;
        TextState[] states = [.. expansions.Select(expansion => (TextState)expansion.State)];
        var (cache, logits) = Read(states, device);
        switch (expansions.Count(expansion => expansion.Proposal == Proposal.Likeliest))
        {
            case 0:
                Sample(expansions, states, cache, logits, device, cancel);
                break;
            case var likeliest when likeliest == expansions.Count:
                Likeliest(expansions, states, cache, logits);
                break;
            default:
                cache.Dispose();
                throw new NotSupportedException("requests for sampled steps and for the likeliest ones can't go together");
        }

        Score([.. expansions.SelectMany(expansion => expansion.Children).Cast<TextState>().Where(state => state.Terminal)]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var block in _kept)
        {
            block.Dispose();
        }

        _kept.Clear();
    }

    /// <summary>A cache with everything of each state read, a row a state, and the logits after it.</summary>
    private (IKeyValueCache Cache, Tensor Logits) Read(TextState[] states, Device device)
    {
        if (states[0].Kept is { Block: { Cache: { } kept } block } && states.All(state => state.Kept?.Block == block))
        {
            var selected = kept.Select([.. states.Select(state => state.Kept!.Value.Row)]);
            return (selected, model.Decode(tensor(states.Select(state => (long)state.Tokens[^1]).ToArray(), device: device), selected));
        }

        int[][] read = [.. states.Select(state => (int[])[.. state.Prompt, .. state.Tokens])];
        var longest = read.Max(tokens => tokens.Length);
        var padded = new long[read.Length * longest];
        Array.Fill(padded, model.Tokenizer.PadId);
        for (var row = 0; row < read.Length; row++)
        {
            for (var t = 0; t < read[row].Length; t++)
            {
                padded[(row * longest) + t] = read[row][t];
            }
        }

        // A branch may go on from these rows to the longest path.
        var cache = model.NewCache(states.Length, Math.Min(model.ContextLength, longest + options.MaxNewTokens));
        return (cache, model.Prefill(tensor(padded, [read.Length, longest], device: device), [.. read.Select(tokens => tokens.Length)], cache));
    }

    /// <summary>Draws steps; the rows that end a step are put aside with their keys and values.</summary>
    private void Sample(IReadOnlyList<Expansion> expansions, TextState[] states, IKeyValueCache cache, Tensor logits, Device device, CancellationToken cancel)
    {
        Row[] rows = [.. expansions.SelectMany((expansion, place) => Enumerable.Range(0, expansion.Count)
            .Select(sample => new Row(states[place], place, expansion.Draws.Key(sample), Limit(states[place]), expansion.Last ? int.MaxValue : options.StepTokens)))];
        try
        {
            if (rows.Length != states.Length || rows.Where((row, i) => row.Place != i).Any())
            {
                Select([.. rows.Select(row => row.Place)]);
                logits = logits.index_select(0, tensor(rows.Select(row => (long)row.Place).ToArray(), device: device));
            }

            for (var active = rows; ;)
            {
                using var step = NewDisposeScope();
                cancel.ThrowIfCancellationRequested();
                var (tokens, logps) = Kernels.SampleRows(logits, [.. active.Select(row => row.NextDraw)], options.Temperature, options.TopK, options.TopP);
                var (drawn, recorded) = (tokens.cpu().data<long>().ToArray(), logps.cpu().data<float>().ToArray());
                for (var i = 0; i < active.Length; i++)
                {
                    active[i].Add((int)drawn[i], recorded[i]);
                    Finish(active[i], expansions[active[i].Place].Last);
                }

                int[] open = [.. Enumerable.Range(0, active.Length).Where(i => active[i].State is { Terminal: false })];
                int[] going = [.. Enumerable.Range(0, active.Length).Where(i => active[i].State is null)];
                Keep(cache, open, [.. open.Select(i => active[i].State!)]);
                if (going.Length == 0)
                {
                    break;
                }

                if (going.Length < active.Length)
                {
                    Select(going);
                    active = [.. going.Select(i => active[i])];
                    tokens = tokens.index_select(0, tensor(going.Select(i => (long)i).ToArray(), device: device));
                }

                logits.Dispose();
                logits = model.Decode(tokens, cache).MoveToOuterDisposeScope();
            }
        }
        finally
        {
            cache.Dispose();
        }

        for (var place = 0; place < expansions.Count; place++)
        {
            expansions[place].Children = [.. rows.Where(row => row.Place == place).Select(row => row.State!)];
            expansions[place].ModelCalls = expansions[place].Count;
        }

        void Select(int[] places)
        {
            var chosen = cache.Select(places);
            cache.Dispose();
            cache = chosen;
        }
    }

    /// <summary>The likeliest tokens, each a step.</summary>
    private void Likeliest(IReadOnlyList<Expansion> expansions, TextState[] states, IKeyValueCache cache, Tensor logits)
    {
        if (options.StepTokens != 1)
        {
            cache.Dispose();
            throw new PlumblineException($"the likeliest steps are wanted, and a step is up to {options.StepTokens} tokens: only single tokens can be put in order; set step_tokens to 1, or let the search sample its steps (\"proposal\": \"sampled\")");
        }

        var logps = (logits.to_type(ScalarType.Float64) / (options.Temperature > 0 ? options.Temperature : 1)).log_softmax(-1);
        // A stable sort: of equal tokens the lowest comes first.
        var (sorted, order) = logps.sort(-1, descending: true, stable: true);
        var most = (int)Math.Min(logits.shape[1], expansions.Max(expansion => expansion.Count));
        var (best, tokens) = (sorted.narrow(1, 0, most).cpu().contiguous().data<double>().ToArray(), order.narrow(1, 0, most).cpu().contiguous().data<long>().ToArray());
        for (var place = 0; place < expansions.Count; place++)
        {
            var children = new List<TextState>();
            for (var i = place * most; i < (place * most) + Math.Min(most, expansions[place].Count); i++)
            {
                var row = new Row(states[place], place, expansions[place].Draws, Limit(states[place]), 1);
                row.Add((int)tokens[i], (float)best[i]);
                Finish(row, last: false);
                children.Add(row.State!);
            }

            expansions[place].Children = children;
            expansions[place].ModelCalls = 1;
        }

        // The children of a state share its row: only their last tokens differ, and those were not read yet.
        TextState[] open = [.. expansions.SelectMany(expansion => expansion.Children).Cast<TextState>().Where(state => !state.Terminal)];
        if (options.KeptCaches == 0 || open.Length == 0)
        {
            cache.Dispose();
            return;
        }

        var block = Keep(cache);
        var places = states.Select((state, place) => (state, place)).ToDictionary(pair => pair.state, pair => pair.place);
        foreach (var state in open)
        {
            state.Kept = (block, places[(TextState)state.Parent!]);
        }
    }

    /// <summary>Makes a row's state where its step has ended.</summary>
    private void Finish(Row row, bool last)
    {
        var tokenizer = model.Tokenizer;
        var (from, eos) = (row.From, tokenizer.EosId);
        var (ended, full) = (row.Step[^1] == eos, from.Tokens.Length + row.Step.Count >= row.Longest);
        var text = tokenizer.Decode(row.Step.ToArray());
        if (!ended && !full && row.Step.Count < row.StepTokens && (last || options.StepEnd is not { } end || !text.Contains(end, StringComparison.Ordinal)))
        {
            return;
        }

        int[] tokens = [.. from.Tokens, .. row.Step];
        var terminal = ended || full;
        row.State = new TextState
        {
            Task = from.Task,
            Parent = from,
            Prompt = from.Prompt,
            Step = new SearchStep(text, [.. row.Step], [.. row.Logps]),
            Tokens = tokens,
            Logps = [.. from.Logps, .. row.Logps],
            Terminal = terminal,
            // Where nothing but the length ends a text, the longest is a complete one.
            Truncated = full && !ended && eos is not null,
            Novel = terminal && options.Solution is { } column && from.Task.Example.FindText(column) is { } solution && !solution.StartsWith(tokenizer.Decode(tokens).TrimEnd(), StringComparison.Ordinal),
        };
    }

    private void Score(TextState[] ends)
    {
        if (reward is null || ends.Length == 0)
        {
            return;
        }

        var scores = RewardScores.Of(reward, options.Reward!.Id, [.. ends.Select((end, i) => end.Rollout(model.Tokenizer, i))], new RewardContext(0, 1, ends[0].Task.Draws.Key("reward"))).Values;
        for (var i = 0; i < ends.Length; i++)
        {
            ends[i].Reward = scores[i];
        }
    }

    /// <summary>The longest path of a state's task, in tokens.</summary>
    private int Limit(TextState state) => Math.Min(Math.Min(options.MaxNewTokens, state.Task.Longest ?? options.MaxNewTokens), model.ContextLength - state.Prompt.Length);

    private void Keep(IKeyValueCache cache, int[] places, TextState[] states)
    {
        if (options.KeptCaches > 0 && places.Length > 0)
        {
            var block = Keep(cache.Select(places));
            for (var row = 0; row < states.Length; row++)
            {
                states[row].Kept = (block, row);
            }
        }
    }

    private CacheBlock Keep(IKeyValueCache cache)
    {
        var block = new CacheBlock(cache);
        _kept.AddLast(block);
        if (_kept.Count > options.KeptCaches)
        {
            _kept.First!.Value.Dispose();
            _kept.RemoveFirst();
        }

        return block;
    }

    /// <summary>One step while it grows.</summary>
    private sealed class Row(TextState from, int place, Draws draws, int longest, int stepTokens)
    {
        internal TextState From { get; } = from;

        internal int Place { get; } = place;

        internal int Longest { get; } = longest;

        internal int StepTokens { get; } = stepTokens;

        internal List<int> Step { get; } = [];

        internal List<float> Logps { get; } = [];

        internal TextState? State { get; set; }

        internal double NextDraw => draws.Key(Step.Count).Uniform();

        internal void Add(int token, float logp)
        {
            Step.Add(token);
            Logps.Add(logp);
        }
    }
}
