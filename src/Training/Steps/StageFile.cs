using System.Text.Json;
using System.Text.Json.Nodes;

namespace Plumbline.Training;

/// <summary>A file that a part leaves in the run's folder.</summary>
public static class StageFile
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes it whole; one of the same name is replaced.</summary>
    /// <param name="stage">Its name begins the file's.</param>
    /// <param name="name">What it holds, such as <c>monitor</c>.</param>
    /// <param name="json">The content.</param>
    public static void Write(StageContext stage, string name, JsonNode json)
    {
        ArgumentNullException.ThrowIfNull(json);
        Write(stage, name + ".json", json.ToJsonString(Indented) + "\n");
    }

    /// <summary>Writes a text whole; one of the same name is replaced.</summary>
    /// <param name="stage">Its name begins the file's.</param>
    /// <param name="name">What it holds, with its ending, such as <c>credit.html</c>.</param>
    /// <param name="text">The content.</param>
    public static void Write(StageContext stage, string name, string text)
    {
        ArgumentNullException.ThrowIfNull(stage);
        Directory.CreateDirectory(stage.Run.Folder);
        var path = Path.Combine(stage.Run.Folder, $"{stage.Name}.{name}");
        File.WriteAllText(path + ".tmp", text);
        File.Move(path + ".tmp", path, overwrite: true);
    }
}
