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
        var longest = prompts.Max(prompt => prompt.Prompt.Length);
        if (longest >= model.ContextLength)
        {
            throw new PlumblineException($"a prompt of {longest} tokens leaves no room for an answer in the model's context_length of {model.ContextLength}");
        }

        foreach (var row in rows)
        {
            // A row's own limit: how long its batch mates are must not matter.
            row.Most = Math.Min(options.MaxNewTokens, model.ContextLength - row.Request.Prompt.Length);
        }

        var capacity = Math.Min(model.ContextLength, longest + options.MaxNewTokens);
        var cache = model.NewCache(prompts.Count, capacity);
        try
        {
            var logits = model.Prefill(Padded(prompts, longest, model.Tokenizer.PadId, device), [.. prompts.Select(prompt => prompt.Prompt.Length)], cache);
            if (prompts.Count != rows.Length)
            {
                var places = prompts.Select((prompt, place) => (prompt, place)).ToDictionary(pair => pair.prompt, pair => pair.place);
                int[] spread = [.. rows.Select(row => places[row.Request])];
                Keep(spread);
                logits = logits.index_select(0, tensor(spread.Select(place => (long)place).ToArray(), device: device));
            }

            var active = rows;
            for (var token = 0; ; token++)
            {
                using var step = NewDisposeScope();
                cancel.ThrowIfCancellationRequested();
                var (tokens, logps) = Kernels.SampleRows(logits, [.. active.Select(row => row.Draws.Key(token).Uniform())], options.Temperature, options.TopK, options.TopP);
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

    private static Tensor Padded(List<SamplingRequest> prompts, int longest, int pad, Device device)
    {
        var tokens = new long[prompts.Count * longest];
        Array.Fill(tokens, pad);
        for (var i = 0; i < prompts.Count; i++)
        {
            for (var t = 0; t < prompts[i].Prompt.Length; t++)
            {
                tokens[(i * longest) + t] = prompts[i].Prompt[t];
            }
        }

        return tensor(tokens, [prompts.Count, longest], device: device);
    }

    /// <summary>One completion while it grows.</summary>
    private sealed class Row(SamplingRequest request, int sample)
    {
        private readonly List<int> _tokens = [];
        private readonly List<float> _logps = [];
        private bool _complete;

        internal SamplingRequest Request { get; } = request;

        internal Draws Draws { get; } = request.Draws.Key(sample);

        internal int Most { get; set; }

        internal bool Ended { get; private set; }

        internal void Add(int token, float logp, int? eos)
        {
            if (!Ended)
            {
                _tokens.Add(token);
                _logps.Add(logp);
                _complete = token == eos;
                Ended = _complete || _tokens.Count == Most;
                // Where nothing but the length ends a completion, the longest is a complete one.
                _complete |= Ended && eos is null;
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
            Truncated = !_complete,
        };
    }
}
