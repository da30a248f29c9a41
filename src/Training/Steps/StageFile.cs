using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>A file of JSON that a part leaves in the run's folder.</summary>
public static class StageFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes it whole; one of the same name is replaced.</summary>
    /// <param name="stage">Its name begins the file's.</param>
    /// <param name="name">What it holds, such as <c>monitor</c>.</param>
    /// <param name="json">The content.</param>
    public static void Write(StageContext stage, string name, JsonNode json)
    {
        ArgumentNullException.ThrowIfNull(stage);
        ArgumentNullException.ThrowIfNull(json);
        Directory.CreateDirectory(stage.Run.Folder);
        var path = Path.Combine(stage.Run.Folder, $"{stage.Name}.{name}.json");
        File.WriteAllText(path + ".tmp", json.ToJsonString(Indented) + "\n");
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
