namespace Plumbline;

/// <summary>The ids of the loops that come with Plumbline.Training.</summary>
public static class Loop
{
    /// <summary>Supervised fine-tuning on prompts and completions.</summary>
    public const string Sft = "sft";

    /// <summary>Stored pairs of a better and a worse answer.</summary>
    public const string OfflinePairs = "offline-pairs";

    /// <summary>Stored lists of ranked or scored answers.</summary>
    public const string OfflineLists = "offline-lists";

    /// <summary>Stored answers in steps, each with something to learn from.</summary>
    public const string OfflineSteps = "offline-steps";

    /// <summary>Sample two answers a prompt, judge them, learn from the pair.</summary>
    public const string OnlinePairs = "online-pairs";

    /// <summary>Iterations: sample from the policy as it is, judge its answers against each other, learn, refresh the reference.</summary>
    public const string SelfPlay = "self-play";

    /// <summary>Learn to score answers from pairs of a better and a worse one.</summary>
    public const string RewardTraining = "reward-training";

    /// <summary>Turn one data set into another, for the stages after.</summary>
    public const string DataStage = "data-stage";

    /// <summary>Measure, compare, report; trains nothing.</summary>
    public const string Analysis = "analysis";

    /// <summary>Sample a group a prompt, score it, learn from the differences within it.</summary>
    public const string OnlineGroups = "online-groups";

    /// <summary>Sample, score, estimate advantages with a learned value function.</summary>
    public const string ActorCritic = "actor-critic";

    /// <summary>Denoise stored samples: how a diffusion or flow model learns in the first place.</summary>
    public const string Denoising = "denoising";

    /// <summary>Give the policy low-rank adapters, which alone train from then on.</summary>
    public const string Lora = "lora";

    /// <summary>Stored pairs of a better and a worse sample, for a model that denoises.</summary>
    public const string DiffusionPairs = "diffusion-pairs";

    /// <summary>Sample by denoising step by step, score the samples, learn from the steps.</summary>
    public const string DiffusionRollouts = "diffusion-rollouts";

    /// <summary>Act in text environments turn by turn, in groups of episodes, and learn from the turns.</summary>
    public const string AgentRollouts = "agent-rollouts";

    /// <summary>Search a tree of steps by the policy, learn from pairs of siblings.</summary>
    public const string SearchPairs = "search-pairs";

    /// <summary>Act in many episodes of a decision problem at a time, estimate advantages, improve policy and critics.</summary>
    public const string Environment = "environment";

    /// <summary>Act in a decision problem, keep the transitions, learn values from the past.</summary>
    public const string EnvironmentReplay = "environment-replay";

    /// <summary>Instances one after the other: predict, then learn.</summary>
    public const string Stream = "stream";
}
