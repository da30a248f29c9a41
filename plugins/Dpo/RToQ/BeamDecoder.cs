using Plumbline.Training.Search;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.RToQ;

/// <summary>Decodes by beam search for the likeliest completions of any policy; over one that DPO trained it searches on the value function of its tokens.</summary>
/// <remarks>No chance is in it. Scores are sums of the policy's log-probabilities; of equal ones the one whose parent is better, then the lower token, goes first.</remarks>
[Sampler("beam-search")]
public sealed class BeamDecoder(BeamDecoderOptions options) : ISampler
{
    private const int PromptsAtATime = 32;

    /// <inheritdoc/>
    public int GroupSize => options.GroupSize;

    /// <inheritdoc/>
    public double Temperature => 1.0;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(requests);
        var rollouts = new List<Rollout>();
        foreach (var some in requests.Chunk(PromptsAtATime))
        {
            var searches = some.Select(request => new Search(request, options, model)).ToArray();
            Decode(model, searches, cancel);
            rollouts.AddRange(searches.SelectMany(search => search.Finish()));
        }

        return rollouts;
    }

    private static void Decode(ICausalModel model, Search[] searches, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        var device = model.Network.parameters().First().device;
        var longest = searches.Max(search => search.Read.Length);
        var padded = new long[searches.Length * longest];
        Array.Fill(padded, model.Tokenizer.PadId);
        for (var i = 0; i < searches.Length; i++)
        {
            Array.Copy(Array.ConvertAll(searches[i].Read, token => (long)token), 0, padded, i * longest, searches[i].Read.Length);
        }

        var cache = model.NewCache(searches.Length, Math.Min(model.ContextLength, longest + searches.Max(search => search.Room)));
        try
        {
            var logits = model.Prefill(tensor(padded, [searches.Length, longest], device: device), [.. searches.Select(search => search.Read.Length)], cache);
            var rows = searches.Select((search, row) => (Search: search, Places: new Dictionary<int, int> { [0] = row })).ToArray();
            while (true)
            {
                using var step = NewDisposeScope();
                cancel.ThrowIfCancellationRequested();
                var vocabulary = (int)logits.shape[1];
                var logps = logits.to_type(ScalarType.Float64).log_softmax(1).cpu().data<double>().ToArray();
                foreach (var (search, places) in rows)
                {
                    search.Step(place => new ArraySegment<double>(logps, places[place] * vocabulary, vocabulary));
                }

                // The rows of the next step: each beam that goes on, from the row of the beam it continues.
                var (parents, tokens, next) = (new List<int>(), new List<long>(), new List<(Search, Dictionary<int, int>)>());
                foreach (var (search, places) in rows.Where(row => !row.Search.Ended))
                {
                    var own = new Dictionary<int, int>();
                    foreach (var (place, beam) in search.Going())
                    {
                        own[place] = parents.Count;
                        parents.Add(places[beam.Parent]);
                        tokens.Add(beam.Tokens[^1]);
                    }

                    next.Add((search, own));
                }

                if (parents.Count == 0)
                {
                    break;
                }

                var kept = cache.Select(parents);
                cache.Dispose();
                cache = kept;
                logits.Dispose();
                logits = model.Decode(tensor(tokens.ToArray(), device: device), cache).MoveToOuterDisposeScope();
                rows = [.. next];
            }
        }
        finally
        {
            cache.Dispose();
        }
    }

    /// <summary>The search for one prompt.</summary>
    private sealed class Search
    {
        private readonly SamplingRequest _request;
        private readonly BeamDecoderOptions _options;
        private readonly ITokenizer _tokenizer;
        private IReadOnlyList<PartialSequence> _beams;
        private float[][] _logps;

        internal Search(SamplingRequest request, BeamDecoderOptions options, ICausalModel model)
        {
            (_request, _options, _tokenizer) = (request, options, model.Tokenizer);
            Read = [.. request.Prompt, .. request.Begun];
            Room = Math.Min(Math.Min(options.MaxNewTokens, request.Longest ?? options.MaxNewTokens), model.ContextLength - request.Prompt.Length) - request.Begun.Length;
            if (Room < 1 || request.Window is not null || request.Count > options.Beams)
            {
                throw new PlumblineException(Room < 1 ? $"a prompt of {request.Prompt.Length} tokens leaves no room for an answer in the model's context_length of {model.ContextLength}"
                    : request.Window is not null ? "the sampler beam-search can't stop at a window: which beams go on is known at the end alone; use kv-cache"
                    : $"{request.Count} completions of a prompt are wanted, and the sampler beam-search keeps {options.Beams}; raise its beams");
            }

            _beams = [new PartialSequence([], 0, Finished: false)];
            _logps = [[]];
        }

        /// <summary>What the model has read before the first step.</summary>
        internal int[] Read { get; }

        /// <summary>Tokens that a beam can have.</summary>
        internal int Room { get; }

        internal bool Ended => _beams.All(beam => beam.Finished || beam.Tokens.Length == Room);

        internal IEnumerable<(int Place, PartialSequence Beam)> Going() => _beams.Select((beam, place) => (place, beam)).Where(pair => !pair.beam.Finished);

        internal void Step(Func<int, IReadOnlyList<double>> logps)
        {
            var (before, told) = (_beams, _logps);
            _beams = Beams.Extend(before, logps, _tokenizer.EosId, _options.Beams);
            _logps = [.. _beams.Select(beam => before[beam.Parent].Finished ? told[beam.Parent] : [.. told[beam.Parent], (float)logps(beam.Parent)[beam.Tokens[^1]]])];
        }

        internal IEnumerable<Rollout> Finish()
        {
            if (_beams.Count < _request.Count)
            {
                throw new PlumblineException($"{_request.Count} completions of a prompt are wanted, and the language has only {_beams.Count}");
            }

            var places = _beams.Select((beam, place) => (beam, place)).ToDictionary(pair => pair.beam, pair => pair.place);
            return Beams.Ranked(_beams, _options.LengthPower).Take(_request.Count).Select((ranked, sample) =>
            {
                int[] completion = [.. _request.Begun, .. ranked.Beam.Tokens];
                return new Rollout
                {
                    Example = _request.Example,
                    GroupId = _request.GroupId,
                    Sample = sample,
                    Prompt = _request.Prompt,
                    Completion = completion,
                    Logps = [.. _request.BegunLogps, .. _logps[places[ranked.Beam]]],
                    Text = _tokenizer.Decode(completion),
                    // Where nothing but the length ends a completion, the longest is a complete one.
                    Truncated = !ranked.Beam.Finished && _tokenizer.EosId is not null,
                };
            });
        }
    }
}
