using Plumbline.Training.Decisions;
using static TorchSharp.torch;

namespace Plumbline.Plugins.Mdpo;

/// <summary>Off-policy MDPO: actions by reparameterisation at states of a replay buffer, scored by Q functions; SAC is the case of equal weights.</summary>
public static class OffPolicy
{
    /// <summary>Keeps the logarithm of 1 - tanh² finite.</summary>
    private const double SquashEps = 1e-6;

    /// <summary>c·L(π) + (λ - c·q)·L(π_k) - Q, the mean, where L is the q-logarithm; and the squares of the policy's outputs, weighted: loss [].</summary>
    /// <param name="logps">[N] of the actions under the policy, with gradient to the action.</param>
    /// <param name="oldLogps">[N] of the same actions under the previous policy; its gradient too reaches the action.</param>
    /// <param name="qValues">[N] of the actions.</param>
    /// <param name="options">Weights and q.</param>
    /// <param name="mean">[N,D] outputs of the policy; null: they are not held small.</param>
    /// <param name="logStd">[N,D]; goes with mean.</param>
    [Target("mdpo/off_policy")]
    public static Loss PolicyLoss(Tensor logps, Tensor oldLogps, Tensor qValues, OffPolicyOptions options, Tensor? mean = null, Tensor? logStd = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        var inputs = new Batch().With("logps", logps).With("old_logps", oldLogps).With("q_values", qValues).With("mean", mean).With("log_std", logStd);
        inputs.RequireSameShape("logps", "old_logps", "q_values");
        var q = options.TsallisQ;
        // The entropy is linearised too: its weight stands on the previous policy's logarithm, and not on the policy's.
        var loss = ((options.KlCoef * OfLog(logps, q)) + ((options.EntropyCoef - (options.KlCoef * q)) * OfLog(oldLogps, q)) - qValues).mean();
        if (mean is not null || logStd is not null)
        {
            var (outputs, spread) = (inputs["mean"], inputs["log_std"]);
            inputs.RequireSameShape("mean", "log_std");
            inputs.RequireSameRows("logps", "mean");
            loss += options.OutputRegularization * (outputs.square().mean() + spread.square().mean());
        }

        return new Loss(loss);
    }

    /// <summary>log_q(p) = (p^(q-1) - 1)/(q - 1), and log p at q = 1: log_q as p; loss [], the sum.</summary>
    /// <param name="p">Above 0.</param>
    /// <param name="options">q.</param>
    [Target("mdpo/tsallis_log")]
    public static Loss TsallisLog(Tensor p, TsallisOptions options)
    {
        ArgumentNullException.ThrowIfNull(p);
        ArgumentNullException.ThrowIfNull(options);
        if (p.le(0).any().ToBoolean())
        {
            throw new InvalidInputException("a number of 'p' is 0 or less, and has no logarithm");
        }

        var log = OfLog(p.log(), options.TsallisQ);
        return new Loss(log.sum()) { ["log_q"] = log.detach() };
    }

    /// <summary>a = tanh(u), u = mean + exp(log_std)·noise, and its log-probability: actions [N,D]; logps [N]; old_logps [N] of the same u, where the previous policy is given; loss [], the mean of logps.</summary>
    /// <param name="mean">[N,D].</param>
    /// <param name="logStd">[N,D].</param>
    /// <param name="noise">[N,D] standard normal.</param>
    /// <param name="oldMean">[N,D] of the previous policy; null: none is given.</param>
    /// <param name="oldLogStd">[N,D]; goes with old_mean.</param>
    [Target("mdpo/squashed_gaussian")]
    public static Loss SquashedGaussian(Tensor mean, Tensor logStd, Tensor noise, Tensor? oldMean = null, Tensor? oldLogStd = null)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(logStd);
        var inputs = new Batch().With("mean", mean).With("log_std", logStd).With("noise", noise).With("old_mean", oldMean).With("old_log_std", oldLogStd);
        inputs.RequireSameShape("mean", "log_std", "noise", "old_mean", "old_log_std");
        var u = mean + (logStd.exp() * noise);
        var actions = u.tanh();
        var squash = (1 - actions.square() + SquashEps).log().sum(-1);
        var logps = DiagonalGaussian.Logps(u, mean, logStd) - squash;
        var loss = new Loss(logps.mean()) { ["actions"] = actions.detach(), ["logps"] = logps.detach() };
        if (oldMean is not null || oldLogStd is not null)
        {
            loss["old_logps"] = (DiagonalGaussian.Logps(u, inputs["old_mean"], inputs["old_log_std"]) - squash).detach();
        }

        return loss;
    }

    /// <summary>What the critics should predict, constants: value_targets = min(Q_1, Q_2) - λ·log π and q_targets = r + γ·(1 - terminal)·V(s') [N].</summary>
    /// <param name="q1">[N] of a fresh action of the policy.</param>
    /// <param name="q2">[N] the same by the second Q function.</param>
    /// <param name="logps">[N] of that action.</param>
    /// <param name="rewards">[N] of the stored transition.</param>
    /// <param name="terminals">[N] 1 where the transition ended its episode, else 0.</param>
    /// <param name="nextValues">[N] of the next state, by the slowly moving value function.</param>
    /// <param name="options">Discount and weight.</param>
    [Target("mdpo/value_targets")]
    public static Outputs ValueTargets(Tensor q1, Tensor q2, Tensor logps, Tensor rewards, Tensor terminals, Tensor nextValues, ValueTargetOptions options)
    {
        ArgumentNullException.ThrowIfNull(q1);
        ArgumentNullException.ThrowIfNull(options);
        new Batch().With("q1", q1).With("q2", q2).With("logps", logps).With("rewards", rewards).With("terminals", terminals).With("next_values", nextValues)
            .RequireSameShape("q1", "q2", "logps", "rewards", "terminals", "next_values");
        return new Outputs
        {
            ["value_targets"] = (q1.minimum(q2) - (options.EntropyCoef * logps)).detach(),
            ["q_targets"] = (rewards + (options.Gamma * (1 - terminals) * nextValues)).detach(),
        };
    }

    /// <summary>The q-logarithm of a probability whose logarithm is known; smooth in q at 1.</summary>
    private static Tensor OfLog(Tensor log, double q) => q == 1 ? log : ((q - 1) * log).expm1() / (q - 1);
}
