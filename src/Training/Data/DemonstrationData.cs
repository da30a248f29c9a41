using System.Text.Json.Nodes;
using Plumbline.Training.Agents;

namespace Plumbline.Training;

/// <summary>Options of <c>demonstrations</c>.</summary>
public sealed record DemonstrationDataOptions : DemonstrationOptions
{
    /// <summary>How the agent will read dialogues: history and prefixes are as in its stage.</summary>
    public AgentOptions Agent { get; init; } = new();
}

/// <summary>An environment's expert as rows to learn from, one a turn: the dialogue so far as prompt, the action as completion.</summary>
/// <remarks>For stage <c>sft</c> before a stage of agents. With tags the action stands between them.</remarks>
[Data("demonstrations")]
public sealed class DemonstrationData(DemonstrationDataOptions options, IServiceProvider services) : IData
{
    /// <inheritdoc/>
    public DataSet Load(RunContext run)
    {
        ArgumentNullException.ThrowIfNull(run);
        var rows = new List<Example>();
        foreach (var (seed, turns) in Demonstrations.Of(options, options.Environment.Create(services), run.Draws.Key("demonstrations")))
        {
            for (var t = 0; t < turns.Count; t++)
            {
                var from = options.Agent.History is { } history ? Math.Max(0, t - history) : 0;
                rows.Add(new Example(rows.Count, new JsonObject
                {
                    ["prompt"] = string.Concat(turns.Take(from..t).Select(turn => turn.Seen.Text + options.Agent.ActionPrefix + Said(turn.Action) + options.Agent.ObservationPrefix)) + turns[t].Seen.Text + options.Agent.ActionPrefix,
                    ["completion"] = Said(turns[t].Action),
                    ["task"] = seed,
                }));
            }
        }

        return new DataSet(rows, []);
    }

    private string Said(string action) => options.Agent is { Tags: true, Replies: ReplyKind.Free } ? $"<action>{action}</action>" : action;
}
