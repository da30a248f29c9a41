using Plumbline.Training.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Gpm;

/// <summary>A trained preference model as a judge: it embeds each answer once, and then answers any pair of them.</summary>
[Judge("gpm")]
public sealed class GpmJudge(GpmJudgeOptions options, RunContext run) : IJudge
{
    /// <inheritdoc/>
    public double[] Judge(IReadOnlyList<(Rollout First, Rollout Second)> pairs, RewardContext context)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        var members = run.Models.Get<PreferenceModel>(options.Role).Members;
        if (members.Count != 1 || members[0].Dimension % 2 != 0)
        {
            throw new PlumblineException($"the model '{options.Role}' has {members.Count} members that give an answer {members[0].Dimension} numbers; the judge needs one member and an even number, as stage 'gpm' trains it");
        }

        using var scope = NewDisposeScope();
        PromptedText[] answers = [.. pairs.SelectMany(pair => new[] { PromptedText.Of(pair.First), PromptedText.Of(pair.Second) }).Distinct()];
        var places = answers.Select((answer, place) => (answer, place)).ToDictionary(pair => pair.answer, pair => (long)pair.place);
        var (embeddings, gates) = members[0].Embed(answers);
        var blocks = Preferences.Blocks(embeddings, options.Normalize);
        var (first, second) = (Places(pairs.Select(pair => pair.First)), Places(pairs.Select(pair => pair.Second)));
        var scores = Preferences.Scores(blocks.index_select(0, first), blocks.index_select(0, second), gates?.index_select(0, first).softmax(-1));
        return (scores / options.Tau).sigmoid().data<double>().ToArray();

        Tensor Places(IEnumerable<Rollout> rollouts) => tensor(rollouts.Select(rollout => places[PromptedText.Of(rollout)]).ToArray());
    }
}
