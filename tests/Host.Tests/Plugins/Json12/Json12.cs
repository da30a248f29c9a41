using Newtonsoft.Json;

namespace Plumbline.Tests.Plugins.Json12;

/// <summary>Scores the major version of the library that it reads JSON by.</summary>
[Reward("json-12")]
public sealed class Json12 : RowReward
{
    /// <inheritdoc/>
    public override double Score(Rollout rollout) =>
        JsonConvert.DeserializeObject<int>(JsonConvert.SerializeObject(typeof(JsonConvert).Assembly.GetName().Version!.Major));
}
