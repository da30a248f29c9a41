namespace Plumbline.Host.Runs;

/// <summary>What the program's exit code means.</summary>
internal static class ExitCodes
{
    /// <summary>All went well, and nothing was found to be wrong.</summary>
    internal const int Success = 0;

    /// <summary>It failed, and the message says at what.</summary>
    internal const int Failed = 1;

    /// <summary>The command line or the manifest was refused; nothing was done.</summary>
    internal const int Refused = 2;

    /// <summary>A run went to its end, and something about it was diagnosed; or a claim was measured and did not hold.</summary>
    internal const int Diagnosed = 3;

    /// <summary>The worker process died.</summary>
    internal const int WorkerDied = 4;

    /// <summary>Ctrl-C ended the run at a step boundary.</summary>
    internal const int Interrupted = 130;

    /// <summary>For <c>--help</c>.</summary>
    internal const string Help = "Exit codes: 0 well; 1 failed; 2 refused (command line or manifest); 3 finished with a diagnosis, or a claim did not hold; 4 the worker died; 130 interrupted.";
}
