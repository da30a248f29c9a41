using Newtonsoft.Json;

namespace Plumbline.Tests.Plugins.Json13;

/// <summary>Scores the major version of the library that it reads JSON by.</summary>
[Reward("json-13")]
public sealed class Json13 : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) =>
        JsonConvert.DeserializeObject<int>(JsonConvert.SerializeObject(typeof(JsonConvert).Assembly.GetName().Version!.Major));
}
