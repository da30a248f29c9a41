using Plumbline.Training.Engine;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training.Agents;

/// <summary>A policy that chooses among the legal actions.</summary>
internal sealed class ChoiceActor : IActor
{
    // Below every logit, and finite: a probability of 0 times it is 0.
    private const double Never = -1e30;
    private readonly IChoiceModel _model;
    private readonly double _temperature;

    internal ChoiceActor(IChoiceModel model, AgentOptions options)
    {
        if (options with { Temperature = 1 } != new AgentOptions())
        {
            throw new PlumblineException($"the policy chooses among the legal actions, so nothing but 'temperature' of 'agent' would be read: replies, history, max_reply_tokens, tags and prefixes are for language models; take them out");
        }

        (_model, _temperature) = (model, options.Temperature);
    }

    /// <inheritdoc/>
    public nn.Module Network => _model.Network;

    /// <inheritdoc/>
    public long Calls { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<Reply> Reply(IReadOnlyList<Dialogue> dialogues, IReadOnlyList<Draws> draws, CancellationToken cancel)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        Choice[] choices = [.. dialogues.Select(ChoiceOf)];
        var (chosen, logps) = Kernels.SampleRows(_model.Logits(choices).clamp_min(Never), [.. draws.Select(draw => draw.Key(0).Uniform())], _temperature, 0, 1);
        var (places, recorded) = (chosen.cpu().data<long>().ToArray(), logps.data<float>().ToArray());
        Calls++;
        return [.. dialogues.Select((dialogue, i) => Make(dialogue, choices[i], (int)places[i], recorded[i]))];
    }

    /// <inheritdoc/>
    public Reply Recall(Dialogue dialogue, string text, int[] tokens, float[] logps)
    {
        var choice = ChoiceOf(dialogue);
        return tokens is [var place] && place >= 0 && place < choice.Options.Count && choice.Options[place] == text && logps.Length == 1 ? Make(dialogue, choice, place, logps[0])
            : throw new PlumblineException($"the reply '{text}' is not choice {string.Join(' ', tokens)} of {string.Join(", ", choice.Options)}: the episode was recorded with another environment or another sort of policy");
    }

    /// <inheritdoc/>
    public ScoredSequences Score(IReadOnlyList<Reply> replies, Needs needs)
    {
        var logits = _model.Logits([.. replies.Select(reply => reply.Choice!)]).clamp_min(Never);
        if (_temperature is not (1.0 or 0.0))
        {
            logits = logits / _temperature;
        }

        var places = tensor(replies.Select(reply => (long)reply.Tokens[0]).ToArray(), device: logits.device);
        var (logps, entropies) = needs.HasFlag(Needs.Entropies) ? Kernels.SelectedLogpsWithEntropies(logits, places) : (Kernels.SelectedLogps(logits, places), null);
        return new ScoredSequences
        {
            Logps = logps.unsqueeze(1),
            Mask = ones([replies.Count, 1], logps.dtype, logps.device),
            Tokens = places.unsqueeze(1),
            Entropies = entropies?.unsqueeze(1),
            Logits = needs.HasFlag(Needs.Logits) ? logits.unsqueeze(1) : null,
        };
    }

    /// <inheritdoc/>
    public void Forget()
    {
    }

    /// <inheritdoc/>
    public void Dispose()
    {
    }

    private static Reply Make(Dialogue dialogue, Choice choice, int place, float logp) => new()
    {
        Dialogue = dialogue,
        Text = choice.Options[place],
        Action = choice.Options[place],
        Tokens = [place],
        Logps = [logp],
        Choice = choice,
    };

    private static Choice ChoiceOf(Dialogue dialogue) => new(dialogue.Texts(), dialogue.Now.LegalActions is { Count: > 0 } legal ? legal
        : throw new PlumblineException("the environment does not list its legal actions, and the policy chooses among them; use a language model with \"agent\": { \"replies\": \"free\" }"));
}
