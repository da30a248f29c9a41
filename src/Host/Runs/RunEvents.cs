using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace Plumbline.Host.Runs;

/// <summary>What the worker tells the supervisor while it runs.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(Refused), "refused")]
[JsonDerivedType(typeof(Opened), "opened")]
[JsonDerivedType(typeof(StageBegan), "stage")]
[JsonDerivedType(typeof(InHand), "in-hand")]
[JsonDerivedType(typeof(StepDone), "step")]
[JsonDerivedType(typeof(Saved), "saved")]
[JsonDerivedType(typeof(Evaluated), "evaluated")]
[JsonDerivedType(typeof(Sampled), "sampled")]
[JsonDerivedType(typeof(Diagnosed), "diagnosed")]
[JsonDerivedType(typeof(Logged), "logged")]
[JsonDerivedType(typeof(Ended), "ended")]
internal abstract record RunEvent;

/// <summary>The manifest is wrong; nothing was made.</summary>
/// <param name="Errors">Every error, a line each.</param>
internal sealed record Refused(string[] Errors) : RunEvent;

/// <summary>The manifest is right and the run's folder made.</summary>
/// <param name="Name">The run's name.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Device">Where tensors live.</param>
/// <param name="Parameters">Numbers of the model that train.</param>
/// <param name="Plugins">The plugins loaded, with versions.</param>
internal sealed record Opened(string Name, string Folder, long Seed, string Device, long Parameters, string[] Plugins) : RunEvent;

/// <summary>A stage knows its steps.</summary>
/// <param name="Index">From 0.</param>
/// <param name="Name">The stage's name.</param>
/// <param name="Steps">Steps planned.</param>
internal sealed record StageBegan(int Index, string Name, int Steps) : RunEvent;

/// <summary>What is being worked on, so that a death can be told from where it came.</summary>
/// <param name="Part">Kind and id.</param>
/// <param name="Plugin">The plugin that brings it; null where it is the host's own work.</param>
/// <param name="Phase">Such as <c>sampling</c>.</param>
/// <param name="StageIndex">The stage it is for; -1 before the first.</param>
/// <param name="Stage">That stage's name.</param>
internal sealed record InHand(string Part, string? Plugin, string Phase, int StageIndex, string Stage) : RunEvent;

/// <summary>A finished step.</summary>
/// <param name="Stage">The stage's index.</param>
/// <param name="Step">From 0.</param>
/// <param name="Metrics">As in metrics.jsonl; a value that is not finite is left out.</param>
/// <param name="Tokens">Tokens worked on.</param>
/// <param name="Seconds">How long the step took.</param>
internal sealed record StepDone(int Stage, int Step, Dictionary<string, double> Metrics, long Tokens, double Seconds) : RunEvent;

/// <summary>The policy's weights are in model.safetensors.</summary>
/// <param name="Stage">The stage's name.</param>
/// <param name="Steps">Its steps that are in them.</param>
internal sealed record Saved(string Stage, int Steps) : RunEvent;

/// <summary>The policy was measured.</summary>
/// <param name="After"><c>start</c>, or the stage it was measured after.</param>
/// <param name="Results">Named numbers.</param>
internal sealed record Evaluated(string After, Dictionary<string, double> Results) : RunEvent;

/// <summary>A sample, as in samples.jsonl.</summary>
/// <param name="Sample">Prompt, completion, reward and whence.</param>
internal sealed record Sampled(JsonObject Sample) : RunEvent;

/// <summary>Something is wrong that is no error.</summary>
/// <param name="Name">Such as <c>equal-rewards</c>.</param>
/// <param name="Message">What was seen and what to try.</param>
/// <param name="Warning">Whether it may be meant so.</param>
internal sealed record Diagnosed(string Name, string Message, bool Warning) : RunEvent;

/// <summary>Words for the user.</summary>
/// <param name="Level"><c>info</c>, <c>warning</c> or <c>error</c>.</param>
/// <param name="Message">The words.</param>
internal sealed record Logged(string Level, string Message) : RunEvent;

/// <summary>The last event of a worker that did not die.</summary>
/// <param name="Result">As in result.json.</param>
internal sealed record Ended(JsonObject Result) : RunEvent;
