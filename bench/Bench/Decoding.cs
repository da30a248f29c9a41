using System.Text.Json.Nodes;
using Plumbline.Plugins.KvCache;
using Plumbline.Plugins.Transformer;

namespace Plumbline.Bench;

/// <summary>32 prompts of 32 tokens, 96 new tokens each, with a key-value cache at temperature 1: the kv-cache sampler as a loop calls it.</summary>
internal sealed class Decoding : Work
{
    private const int Rows = 32;
    private const int Fresh = 96;
    private readonly Transformer _model = NewModel();
    private readonly KvCache _sampler = new(new KvCacheOptions { GroupSize = 1, MaxNewTokens = Fresh });
    private readonly SamplingRequest[] _requests;

    internal Decoding()
        : base(Rows * Fresh, runs: 5)
    {
        _model.Network.eval();
        var draws = Draws.Key("decode");
        _requests = [.. Enumerable.Range(0, Rows).Select(row =>
            new SamplingRequest(new Example(row, new JsonObject()), row, Tokens(draws.Key(row).Key("prompt"), 32), 1, draws.Key(row)))];
    }

    internal override double Step()
    {
        var rollouts = _sampler.Sample(_model, _requests);
        return rollouts.Sum(rollout => rollout.Completion.Length == Fresh ? rollout.Completion[0] : throw new InvalidOperationException("a completion is shorter than was asked for"));
    }

    public override void Dispose() => _model.Dispose();
}
