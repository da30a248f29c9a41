using System.Text.RegularExpressions;
using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Agents;

/// <summary>A language model in dialogues: observations are read onto its key-value cache as they come, replies are decoded from it.</summary>
/// <remarks>
/// With a whole dialogue as the prompt, a turn's prompt begins with all that was read before, and an <see cref="IIncrementalModel"/> reads only what is new.
/// Replies are decoded from a copy of the cache, and come onto it together with the next observation. Where replies are legal actions, a token's distribution
/// is over those that begin one, in sampling and in scoring alike.
/// </remarks>
internal sealed partial class LanguageActor : IActor
{
    private readonly ICausalModel _model;
    private readonly AgentOptions _options;
    private readonly ReplyScorer _scorer;
    private readonly Dictionary<string, ActionTrie> _tries = new(StringComparer.Ordinal);
    private readonly int[] _actionPrefix;
    private readonly int[] _observationPrefix;
    private IKeyValueCache? _cache;
    private int _capacity;
    private List<(Dialogue Dialogue, int[] Read)> _rows = [];

    internal LanguageActor(ICausalModel model, AgentOptions options)
    {
        (_model, _options, _scorer) = (model, options, new ReplyScorer(model, options.Temperature));
        (_actionPrefix, _observationPrefix) = (model.Tokenizer.Encode(options.ActionPrefix), model.Tokenizer.Encode(options.ObservationPrefix));
    }

    /// <inheritdoc/>
    public nn.Module Network => _model.Network;

    /// <inheritdoc/>
    public long Calls { get; private set; }

    private Device Device => _scorer.Device;

    /// <inheritdoc/>
    public IReadOnlyList<Reply> Reply(IReadOnlyList<Dialogue> dialogues, IReadOnlyList<Draws> draws, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        ReplyLine[] lines = [.. dialogues.Select((dialogue, i) => new ReplyLine(dialogue, draws[i], Prompt(dialogue), Trie(dialogue)))];
        foreach (var line in lines)
        {
            line.Longest = Math.Min(Room(line.Dialogue), _model.ContextLength - line.Prompt.Length);
        }

        Decode(lines, Read(lines), cancel);
        return [.. lines.Select(Finish)];
    }

    /// <inheritdoc/>
    public Reply Recall(Dialogue dialogue, string text, int[] tokens, float[] logps)
    {
        var line = new ReplyLine(dialogue, default, Prompt(dialogue), Trie(dialogue));
        for (var i = 0; i < tokens.Length; i++)
        {
            if (line.Node is { } node && node.After(tokens[i]) is null)
            {
                throw new PlumblineException($"the reply '{text}' is none of {string.Join(", ", dialogue.Now.LegalActions!)}: the episode was recorded with another environment, tokenizer or \"replies\"");
            }

            line.Add(tokens[i], logps[i], null);
        }

        return Finish(line) with { Text = text };
    }

    /// <inheritdoc/>
    public ScoredSequences Score(IReadOnlyList<Reply> replies, Needs needs) => _scorer.Score(replies, needs);

    /// <inheritdoc/>
    public void Forget()
    {
        _cache?.Dispose();
        (_cache, _rows) = (null, []);
    }

    /// <inheritdoc/>
    public void Dispose() => Forget();

    /// <summary>The dialogue as tokens: observations and replies in turns, the observation in hand, and what asks for an action. The oldest turns are left out where there is no room for them.</summary>
    private int[] Prompt(Dialogue dialogue)
    {
        var tokenizer = _model.Tokenizer;
        var room = _model.ContextLength - Room(dialogue);
        int[] now = [.. tokenizer.Encode(dialogue.Now.Text), .. _actionPrefix];
        var turns = dialogue.Turns;
        var from = _options.History is { } history ? Math.Max(0, turns.Count - history) : 0;
        var before = new List<int[]>();
        var length = now.Length + (tokenizer.BosId is null ? 0 : 1);
        if (length > room)
        {
            throw new PlumblineException($"an observation of {now.Length} tokens and a reply of up to {Room(dialogue)} do not fit the model's context_length of {_model.ContextLength}; raise it");
        }

        for (var i = turns.Count - 1; i >= from; i--)
        {
            int[] turn = [.. tokenizer.Encode(turns[i].Observation), .. _actionPrefix, .. Said(turns[i].Reply), .. _observationPrefix];
            if ((length += turn.Length) > room)
            {
                break;
            }

            before.Add(turn);
        }

        return [.. tokenizer.BosId is { } begin ? new[] { begin } : [], .. Enumerable.Reverse(before).SelectMany(turn => turn), .. now];
    }

    /// <summary>What later prompts hold of a reply: all its tokens but the end in a whole dialogue, its action in a window.</summary>
    private int[] Said(Reply reply) => _options.History is not null ? _model.Tokenizer.Encode(reply.Action)
        : reply.Tokens[^1] == _model.Tokenizer.EosId ? reply.Tokens[..^1] : reply.Tokens;

    private int Room(Dialogue dialogue) => Trie(dialogue)?.Longest ?? _options.MaxReplyTokens;

    private ActionTrie? Trie(Dialogue dialogue)
    {
        if (_options.Replies == ReplyKind.Free)
        {
            return null;
        }

        var legal = dialogue.Now.LegalActions is { Count: > 0 } listed ? listed
            : throw new PlumblineException("the environment does not list its legal actions, so replies can't be held to them; set \"replies\": \"free\" in \"agent\"");
        var key = string.Join('\n', legal);
        return _tries.TryGetValue(key, out var trie) ? trie : _tries[key] = new ActionTrie(legal, _model.Tokenizer);
    }

    /// <summary>Reads what is new of the prompts, or all of them anew; [N,V] the logits after each.</summary>
    private Tensor Read(ReplyLine[] lines)
    {
        Calls++;
        var longest = lines.Max(line => line.Prompt.Length);
        var needed = lines.Max(line => line.Prompt.Length + line.Longest);
        if (_cache is not null && _model is IIncrementalModel incremental && needed <= _capacity && Places(lines) is { } places)
        {
            if (!places.SequenceEqual(Enumerable.Range(0, _rows.Count)))
            {
                Keep(_cache.Select(places));
            }

            int[][] more = [.. lines.Select((line, i) => line.Prompt[_rows[places[i]].Read.Length..])];
            _rows = [.. lines.Select(line => (line.Dialogue, line.Prompt))];
            return incremental.Extend(_scorer.Padded(more), [.. more.Select(tokens => tokens.Length)], _cache!);
        }

        // Twice the room: a dialogue that grows is read anew only now and then.
        _capacity = _model is IIncrementalModel && _options.History is null ? Math.Min(_model.ContextLength, Math.Max(2 * longest, needed)) : needed;
        var prompts = lines.Select(line => line.Prompt).DistinctBy(prompt => string.Join(' ', prompt)).ToArray();
        var place = prompts.Select((prompt, i) => (string.Join(' ', prompt), i)).ToDictionary(pair => pair.Item1, pair => pair.i);
        int[] spread = [.. lines.Select(line => place[string.Join(' ', line.Prompt)])];
        Keep(_model.NewCache(prompts.Length, _capacity));
        var logits = _model.Prefill(_scorer.Padded(prompts), [.. prompts.Select(prompt => prompt.Length)], _cache!);
        if (prompts.Length < lines.Length)
        {
            Keep(_cache!.Select(spread));
            logits = logits.index_select(0, tensor(spread.Select(i => (long)i).ToArray(), device: logits.device));
        }

        _rows = [.. lines.Select(line => (line.Dialogue, line.Prompt))];
        return logits;
    }

    private void Keep(IKeyValueCache cache)
    {
        _cache?.Dispose();
        _cache = cache;
    }

    /// <summary>The row of the cache that each line goes on from; null where some line goes on from none.</summary>
    private int[]? Places(ReplyLine[] lines)
    {
        var known = new Dictionary<Dialogue, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < _rows.Count; i++)
        {
            known[_rows[i].Dialogue] = i;
        }

        var places = new int[lines.Length];
        for (var i = 0; i < lines.Length; i++)
        {
            if (!known.TryGetValue(lines[i].Dialogue, out places[i]) || _rows[places[i]].Read is var read && (read.Length >= lines[i].Prompt.Length || !lines[i].Prompt.AsSpan(0, read.Length).SequenceEqual(read)))
            {
                return null;
            }
        }

        return places;
    }

    private void Decode(ReplyLine[] lines, Tensor logits, CancellationToken cancel)
    {
        // What is decoded is not kept: a finished line would grow with the others. It comes onto the cache with the next observation.
        IKeyValueCache? cache = null;
        try
        {
            var active = lines;
            while (true)
            {
                using var step = NewDisposeScope();
                cancel.ThrowIfCancellationRequested();
                var (tokens, logps) = Draw(active, logits);
                for (var i = 0; i < active.Length; i++)
                {
                    active[i].Add(tokens[i], logps[i], _model.Tokenizer.EosId);
                }

                int[] going = [.. Enumerable.Range(0, active.Length).Where(i => !active[i].Ended)];
                if (going.Length == 0)
                {
                    return;
                }

                if (cache is null || going.Length < active.Length)
                {
                    var kept = (cache ?? _cache!).Select(going);
                    cache?.Dispose();
                    cache = kept;
                }

                active = [.. going.Select(i => active[i])];
                Calls++;
                var next = _model.Decode(tensor(going.Select(i => (long)tokens[i]).ToArray(), device: Device), cache);
                logits = next.MoveToOuterDisposeScope();
            }
        }
        finally
        {
            cache?.Dispose();
        }
    }

    private (int[] Tokens, float[] Logps) Draw(ReplyLine[] lines, Tensor logits)
    {
        double[] uniforms = [.. lines.Select(line => line.NextDraw)];
        int[][]? allowed = lines[0].Node is null ? null : [.. lines.Select(line => line.Node!.Tokens)];
        var over = allowed is null ? logits : ReplyScorer.Among(logits, allowed).Logits;
        var (drawn, logps) = Kernels.SampleRows(over, uniforms, _options.Temperature, 0, 1);
        var places = drawn.cpu().data<long>().ToArray();
        return ([.. places.Select((place, i) => allowed is null ? (int)place : allowed[i][place])], logps.data<float>().ToArray());
    }

    private Reply Finish(ReplyLine line)
    {
        var text = line.Node?.Action ?? _model.Tokenizer.Decode(line.Tokens.ToArray());
        var action = line.Node is not null || !_options.Tags ? text.Trim() : Tagged().Matches(text) is { Count: > 0 } tagged ? tagged[^1].Groups[1].Value.Trim() : string.Empty;
        return new Reply
        {
            Dialogue = line.Dialogue,
            Text = text,
            Action = action,
            Parsed = action.Length > 0,
            Prompt = line.Prompt,
            Tokens = [.. line.Tokens],
            Logps = [.. line.Logps],
            Allowed = line.Node is null ? null : line.Allowed,
            Truncated = line.Cut,
        };
    }

    [GeneratedRegex("<action>(.*?)</action>", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Tagged();
}
