using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Plumbline.Training.Environments;

/// <summary>Options of <c>tool-use</c>.</summary>
public sealed record ToolUseOptions : IChecksItself
{
    /// <summary>Questions: rows with a prompt and the right answer.</summary>
    public required Part<IData> Data { get; init; }

    /// <summary>What can be called.</summary>
    public required IReadOnlyList<Part<ITool>> Tools { get; init; }

    /// <summary>The column of the right answer.</summary>
    public string AnswerColumn { get; init; } = "answer";

    /// <summary>Ask the held-out questions instead of those to learn from.</summary>
    public bool HeldOut { get; init; }

    /// <summary>Steps after which an episode is cut.</summary>
    [Positive]
    public int MaxSteps { get; init; } = 6;

    /// <inheritdoc/>
    public IEnumerable<string> Check()
    {
        if (Tools.Count == 0)
        {
            yield return "tools is empty: there would be nothing to call; name at least one, such as \"calculator\"";
        }
    }
}

/// <summary>Questions to be answered with the help of tools: each call and its answer are added to what is read, <c>answer[…]</c> ends the episode.</summary>
/// <remarks>
/// An action is <c>name[argument]</c>, a tool's name or <c>answer</c>; its letters count as small ones. The reward is 1 where the answer is the row's, spaces
/// around it and the case of letters apart. The seed says which row: seed modulo the number of rows.
/// </remarks>
[Environment("tool-use")]
public sealed partial class ToolUse : ITextEnvironment
{
    private const string AnswerAction = "answer";
    private readonly ToolUseOptions _options;
    private readonly IReadOnlyList<Example> _rows;
    private readonly Dictionary<string, ITool> _tools;

    /// <summary>An environment over the rows of the data.</summary>
    /// <exception cref="PlumblineException">Two tools have one name, one is called as answers are, or the data has no row.</exception>
    public ToolUse(ToolUseOptions options, RunContext run, IServiceProvider services)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        var data = options.Data.Create(services).Load(run);
        _rows = options.HeldOut ? data.HeldOut : data.Train;
        if (_rows.Count == 0)
        {
            throw new PlumblineException($"data '{options.Data.Id}' of the environment tool-use has no {(options.HeldOut ? "held-out " : string.Empty)}rows, so there is nothing to ask");
        }

        _tools = new(StringComparer.Ordinal);
        foreach (var tool in options.Tools.Select(part => part.Create(services)))
        {
            if (tool.Name == AnswerAction || !Name().IsMatch(tool.Name) || !_tools.TryAdd(tool.Name, tool))
            {
                throw new PlumblineException($"a tool can't be called '{tool.Name}' here: {(tool.Name == AnswerAction ? "that is how an answer is given" : _tools.ContainsKey(tool.Name) ? "another one is" : "a name is of small letters, digits and hyphens")}");
            }
        }
    }

    /// <inheritdoc/>
    public IEpisode Reset(long seed)
    {
        var row = _rows[(int)(((seed % _rows.Count) + _rows.Count) % _rows.Count)];
        return new Inquiry(this, row.Text("prompt"), Right(row));
    }

    /// <summary>The right answer; a column may hold it as a JSON number.</summary>
    private string Right(Example row) => row.Columns[_options.AnswerColumn] is JsonValue value && value.GetValueKind() == JsonValueKind.Number ? value.ToJsonString()
        : (row.FindText(_options.AnswerColumn) ?? row.Text("completion")).Trim();

    [GeneratedRegex(@"^[a-z0-9-]+$")]
    private static partial Regex Name();

    [GeneratedRegex(@"^([a-z0-9-]+)\[(.*)\]$", RegexOptions.Singleline)]
    private static partial Regex Call();

    private sealed class Inquiry(ToolUse environment, string question, string right) : TextEpisode(environment._options.MaxSteps)
    {
        private readonly string _tools = string.Concat(environment._tools.Values.Select(tool => $"\n{tool.Name}[…]: {tool.Description}"));
        private string _said = string.Empty;

        protected override string Text => $"{question}{_tools}\n{AnswerAction}[…]: gives the answer.{_said}";

        protected override string StateKey => question + _said;

        protected override IReadOnlyList<string>? Legal => null;

        protected override string? Valid(string action) => Call().Match(action) is { Success: true } call && (call.Groups[1].Value == AnswerAction || environment._tools.ContainsKey(call.Groups[1].Value)) ? action : null;

        protected override Effect Act(string action)
        {
            var call = Call().Match(action);
            var (name, argument) = (call.Groups[1].Value, call.Groups[2].Value.Trim());
            var answered = name == AnswerAction;
            _said += $"\n{name}[{argument}]{(answered ? string.Empty : " = " + environment._tools[name].Call(argument))}";
            var success = answered && string.Equals(argument, right, StringComparison.OrdinalIgnoreCase);
            return new Effect(success ? 1 : 0, answered, success);
        }
    }
}
