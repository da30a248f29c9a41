namespace Plumbline;

/// <summary>Something that can be called by name in the middle of an episode.</summary>
[Kind(Kinds.Tool)]
public interface ITool
{
    /// <summary>The name it is called by.</summary>
    string Name { get; }

    /// <summary>One line that tells the policy what it does and what it takes.</summary>
    string Description { get; }

    /// <summary>Answers a call. The same argument gives the same answer; one it can't use gives an answer that says so.</summary>
    string Call(string argument);
}
