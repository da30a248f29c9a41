using System.Text.Json.Nodes;
using Plumbline.Plugins.Gpm;
using Plumbline.Training;
using Plumbline.Training.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class GpmJudgeTests
{
    private const int Answers = 5;

    [Fact]
    public void Every_answer_is_embedded_once_however_many_pairs_it_is_in()
    {
        using var stage = new ToyStage();
        var counting = new Counting();
        stage.Run.Models.Set("reward", new PreferenceModel([new PreferenceMember(counting, 4, 2, new Draws(1))]));
        Rollout[] rollouts = [.. Enumerable.Range(0, Answers).Select(i => StoredAnswer.Of(new Example(0, new JsonObject { ["prompt"] = "p" }), 0, new string('x', i)))];
        (Rollout, Rollout)[] pairs = [.. from first in rollouts from second in rollouts where first != second select (first, second)];
        var judged = new GpmJudge(new GpmJudgeOptions(), stage.Run).Judge(pairs, new RewardContext(0, 0, default));

        Assert.Equal(Answers * (Answers - 1), pairs.Length);
        Assert.Equal(Answers, counting.Read);
        // The same numbers as the table, and a pair and its reverse sum to 1.
        using var scope = NewDisposeScope();
        var (embeddings, gates) = stage.Run.Models.Get<PreferenceModel>("reward").Members[0].Embed([.. rollouts.Select(PromptedText.Of)]);
        var table = Gpm.Table(embeddings, new GpmOptions(), gates![0]).Tensor("probs");
        for (var i = 0; i < pairs.Length; i++)
        {
            var (first, second) = (Array.IndexOf(rollouts, pairs[i].Item1), Array.IndexOf(rollouts, pairs[i].Item2));
            Assert.Equal(table[first, second].ToDouble(), judged[i], 9);
            Assert.Equal(1, judged[i] + judged[Array.IndexOf(pairs, (pairs[i].Item2, pairs[i].Item1))], 9);
        }
    }

    [Fact]
    public void A_model_of_scores_is_no_judge()
    {
        using var stage = new ToyStage();
        stage.Run.Models.Set("reward", new PreferenceModel([new PreferenceMember(new Counting(), 1, 0, new Draws(1))]));
        Assert.Contains("even number", Assert.Throws<PlumblineException>(() => new GpmJudge(new GpmJudgeOptions(), stage.Run).Judge([], new RewardContext(0, 0, default))).Message, StringComparison.Ordinal);
    }

    /// <summary>Two numbers of an answer's length; counts the answers it reads.</summary>
    private sealed class Counting : IPreferenceBackbone
    {
        private readonly Linear _network = nn.Linear(2, 2, dtype: ScalarType.Float64);

        internal int Read { get; private set; }

        public nn.Module Network => _network;

        public int Width => 2;

        public int ContextLength => 100;

        public int Length(PromptedText row) => row.Answer.Length;

        (Tensor Answers, Tensor? Prompts) IPreferenceBackbone.Read(IReadOnlyList<PromptedText> rows, bool prompts)
        {
            Read += rows.Count;
            var read = tensor(rows.SelectMany(row => new[] { Math.Cos(row.Answer.Length), Math.Sin(row.Answer.Length) }).ToArray(), [rows.Count, 2]);
            return (read, prompts ? ones([rows.Count, 2], ScalarType.Float64) : null);
        }

        public IPreferenceBackbone Another(Draws draws) => new Counting();

        public IModel Freeze() => new Counting();

        public void Dispose() => _network.Dispose();
    }
}
