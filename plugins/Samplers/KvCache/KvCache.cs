using TorchSharp;
using static TorchSharp.torch;
using Plumbline.Training.Engine;

namespace Plumbline.Plugins.KvCache;

/// <summary>Samples completions in batches with a key-value cache; each prompt is read once for its whole group.</summary>
/// <remarks>
/// The uniform number behind each token is keyed by prompt, sample and token, and a row's distribution is inverted without regard
/// to the other rows: batch mates, chunks and finished rows never change a sample. Log-probabilities are recorded at the
/// temperature, before top-k and top-p.
/// </remarks>
[Sampler("kv-cache")]
public sealed class KvCache(KvCacheOptions options) : ISampler
{
    /// <inheritdoc/>
    public int GroupSize => options.GroupSize;

    /// <inheritdoc/>
    public double Temperature => options.Temperature;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(requests);
        var rows = requests.SelectMany(request => Enumerable.Range(0, request.Count).Select(sample => new Row(request, sample))).ToList();
        var chunk = options.ChunkRows > 0 ? options.ChunkRows : Math.Max(1, rows.Count);
        foreach (var some in rows.Chunk(chunk))
        {
            Decode(model, some, cancel);
        }

        return [.. rows.Select(row => row.Finish(model.Tokenizer))];
    }

    private void Decode(ICausalModel model, Row[] rows, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var device = model.Network.parameters().First().device;
        var prompts = rows.Select(row => row.Request).Distinct().ToList();
        foreach (var row in rows)
        {
            // A row's own limit: how long its batch mates are must not matter.
            row.Limit(options.MaxNewTokens, model.ContextLength);
        }

        int[][] read = [.. prompts.Select(prompt => (int[])[.. prompt.Prompt, .. prompt.Begun])];
        var longest = read.Max(tokens => tokens.Length);
        var capacity = Math.Min(model.ContextLength, longest + options.MaxNewTokens);
        var cache = model.NewCache(prompts.Count, capacity);
        try
        {
            var logits = model.Prefill(Padded(read, longest, model.Tokenizer.PadId, device), [.. read.Select(tokens => tokens.Length)], cache);
            if (prompts.Count != rows.Length)
            {
                var places = prompts.Select((prompt, place) => (prompt, place)).ToDictionary(pair => pair.prompt, pair => pair.place);
                int[] spread = [.. rows.Select(row => places[row.Request])];
                Keep(spread);
                logits = logits.index_select(0, tensor(spread.Select(place => (long)place).ToArray(), device: device));
            }

            var active = rows;
            while (true)
            {
                using var step = NewDisposeScope();
                cancel.ThrowIfCancellationRequested();
                var (tokens, logps) = Kernels.SampleRows(logits, [.. active.Select(row => row.NextDraw)], options.Temperature, options.TopK, options.TopP);
                var drawn = tokens.cpu().data<long>().ToArray();
                var recorded = logps.data<float>().ToArray();
                for (var i = 0; i < active.Length; i++)
                {
                    active[i].Add((int)drawn[i], recorded[i], model.Tokenizer.EosId);
                }

                var going = Enumerable.Range(0, active.Length).Where(i => !active[i].Ended).ToArray();
                if (going.Length == 0)
                {
                    break;
                }

                // A finished row costs as much as a live one; dropping rows costs a copy of the cache. A full row can't go along.
                if (going.Length <= active.Length * 3 / 4 || cache.Lengths.Any(length => length == capacity))
                {
                    Keep(going);
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

        void Keep(int[] places)
        {
            var kept = cache.Select(places);
            cache.Dispose();
            cache = kept;
        }
    }

    private static Tensor Padded(int[][] rows, int longest, int pad, Device device)
    {
        var tokens = new long[rows.Length * longest];
        Array.Fill(tokens, pad);
        for (var i = 0; i < rows.Length; i++)
        {
            for (var t = 0; t < rows[i].Length; t++)
            {
                tokens[(i * longest) + t] = rows[i][t];
            }
        }

        return tensor(tokens, [rows.Length, longest], device: device);
    }

    /// <summary>One completion while it grows.</summary>
    private sealed class Row(SamplingRequest request, int sample)
    {
        private readonly List<int> _tokens = [.. request.Begun];
        private readonly List<float> _logps = [.. request.BegunLogps];
        private readonly Draws _draws = request.Draws.Key(sample);
        private int _longest;
        private int _stop;
        private bool _complete;

        internal SamplingRequest Request { get; } = request;

        internal double NextDraw => _draws.Key(_tokens.Count).Uniform();

        internal bool Ended { get; private set; }

        /// <summary>Where the completion ends at the latest, and where this call stops.</summary>
        internal void Limit(int maxNewTokens, int contextLength)
        {
            var prompt = Request.Prompt.Length;
            if (prompt >= contextLength)
            {
                throw new PlumblineException($"a prompt of {prompt} tokens leaves no room for an answer in the model's context_length of {contextLength}");
            }

            _longest = Math.Min(Math.Min(maxNewTokens, Request.Longest ?? maxNewTokens), contextLength - prompt);
            _stop = Math.Min(_longest, _tokens.Count + (Request.Window ?? _longest));
            if (_tokens.Count >= _longest || _stop == _tokens.Count || _tokens.Count != _logps.Count)
            {
                throw new PlumblineException($"a completion that has {_tokens.Count} tokens with {_logps.Count} log-probabilities can't go on by a window of {Request.Window} to at most {_longest} tokens");
            }
        }

        internal void Add(int token, float logp, int? eos)
        {
            if (!Ended)
            {
                _tokens.Add(token);
                _logps.Add(logp);
                // Where nothing but the length ends a completion, the longest is a complete one.
                _complete = token == eos || (eos is null && _tokens.Count == _longest);
                Ended = _complete || _tokens.Count == _stop;
            }
        }

        internal Rollout Finish(ITokenizer tokenizer) => new()
        {
            Example = Request.Example,
            GroupId = Request.GroupId,
            Sample = sample,
            Prompt = Request.Prompt,
            Completion = [.. _tokens],
            Logps = [.. _logps],
            Text = tokenizer.Decode(_tokens.ToArray()),
            Truncated = !_complete && _tokens.Count == _longest,
            Unfinished = !_complete && _tokens.Count < _longest,
        };
    }
}
