namespace Plumbline.Training.Search;

/// <summary>Options of <c>tree-search</c>.</summary>
public sealed record TreeSearchOptions
{
    /// <summary>How completions are looked for.</summary>
    public required Part<ISearch> Search { get; init; }

    /// <summary>What their steps are.</summary>
    public required Part<ISearchSpaces> Space { get; init; }

    /// <summary>Completions a prompt.</summary>
    [Positive]
    public int GroupSize { get; init; } = 1;

    /// <summary>The completions of a prompt are the best paths of one search; else each is the best of a search of its own.</summary>
    public bool OneSearch { get; init; }
}

/// <summary>Decodes by search: a completion is the path that a search of the prompt ends with.</summary>
/// <remarks>
/// The recorded log-probabilities are the policy's own; that a search chose among samples, they do not say. A search without chance gives each of its
/// prompt's completions alike.
/// </remarks>
[Sampler("tree-search")]
[Default("space", "text-steps")]
public sealed class TreeSearch(TreeSearchOptions options, IServiceProvider services) : ISampler
{
    private readonly ISearch _search = options.Search.Create(services);
    private readonly ISearchSpaces _spaces = options.Space.Create(services);

    /// <inheritdoc/>
    public int GroupSize => options.GroupSize;

    /// <inheritdoc/>
    public double Temperature => _spaces.Temperature;

    /// <inheritdoc/>
    public IReadOnlyList<Rollout> Sample(ICausalModel model, IReadOnlyList<SamplingRequest> requests, CancellationToken cancel = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Any(request => request.Begun.Length > 0 || request.Window is not null))
        {
            throw new PlumblineException("the sampler 'tree-search' searches whole completions: it can't go on with one that was begun, nor stop at a window; use 'kv-cache'");
        }

        if (_spaces is IActingSpaces)
        {
            throw new PlumblineException($"the sampler 'tree-search' writes completions, and the steps of '{options.Space.Id}' are actions in an environment; use \"text-steps\"");
        }

        using var space = _spaces.Open(model);
        var searches = requests.SelectMany(request => Enumerable.Range(0, options.OneSearch ? 1 : request.Count).Select(sample =>
            (Request: request, Task: new SearchTask(request.Example, request.Prompt, request.Draws.Key(sample)) { Longest = request.Longest }))).ToList();
        var results = _search.Search(space, space.Roots([.. searches.Select(search => search.Task)]), cancel);
        var rollouts = new List<Rollout>();
        var at = 0;
        foreach (var request in requests)
        {
            for (var sample = 0; sample < request.Count; sample++)
            {
                var result = results[options.OneSearch ? at : at + sample];
                var place = options.OneSearch ? sample : 0;
                var end = place < result.Paths.Count ? result.Tree[result.Paths[place][^1]].State!
                    : throw new PlumblineException($"{request.Count} completions of one search are wanted, and the search '{options.Search.Id}' ended with {result.Paths.Count} paths; raise its number of paths, or set one_search to false");
                rollouts.Add(Completion(end, request, sample, model.Tokenizer));
            }

            at += options.OneSearch ? 1 : request.Count;
        }

        return rollouts;
    }

    private static Rollout Completion(SearchState end, SamplingRequest request, int sample, ITokenizer tokenizer)
    {
        int[] tokens = [.. end.Steps.SelectMany(step => step.Tokens)];
        var cut = !end.Terminal || (tokenizer.EosId is { } eos && tokens[^1] != eos);
        return new Rollout
        {
            Example = request.Example,
            GroupId = request.GroupId,
            Sample = sample,
            Prompt = request.Prompt,
            Completion = tokens,
            Logps = [.. end.Steps.SelectMany(step => step.Logps)],
            Text = tokenizer.Decode(tokens),
            Truncated = cut,
        };
    }
}
