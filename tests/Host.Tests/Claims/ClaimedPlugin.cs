namespace Plumbline.Tests.Host.Claims;

/// <summary>A plugins folder with one plugin, whose claim a test may change.</summary>
internal sealed class ClaimedPlugin : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    internal ClaimedPlugin()
    {
        var made = Directory.CreateDirectory(_folder.At("plugins", "Claimed")).FullName;
        foreach (var file in Directory.GetFiles(Path.Combine(Repository.TestPlugins, "Claimed")))
        {
            File.Copy(file, Path.Combine(made, Path.GetFileName(file)));
        }

        Claim = JsonNode.Parse(File.ReadAllText(Path.Combine(made, "claim.json")))!.AsObject();
    }

    /// <summary>The claim; a test changes it before it runs something.</summary>
    internal JsonObject Claim { get; }

    /// <summary>Its one experiment.</summary>
    internal JsonObject Experiment => Claim["experiments"]![0]!.AsObject();

    /// <summary>Where commands are run from, with a folder <c>docs</c>.</summary>
    internal string Folder => _folder.Path;

    /// <summary>The plugins folder.</summary>
    internal string Plugins
    {
        get
        {
            _folder.Write(Path.Combine("plugins", "Claimed", "claim.json"), Claim.ToJsonString());
            return _folder.At("plugins");
        }
    }

    /// <summary>A path in the folder.</summary>
    internal string At(params string[] names) => _folder.At(names);

    /// <summary>Runs the command from the folder.</summary>
    internal Plumb.Ended Reproduce(params string[] arguments)
    {
        Directory.CreateDirectory(At("docs"));
        return Plumb.RunIn(Folder, null, ["reproduce", .. arguments, "--plugins", Plugins]);
    }

    /// <summary>Starts it.</summary>
    internal System.Diagnostics.Process Start(params string[] arguments) => Plumb.Start(Folder, null, ["reproduce", .. arguments, "--plugins", Plugins]);

    public void Dispose() => _folder.Dispose();
}
