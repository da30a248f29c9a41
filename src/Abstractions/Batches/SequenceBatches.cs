namespace Plumbline;

/// <summary>B pairs of a chosen and a rejected answer; right-padded. The two sides may have different T.</summary>
public sealed class PairBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public PairBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public PairBatch()
    {
    }

    /// <summary>[B,T] log-probabilities of the chosen answers' tokens under the policy; 0 where masked.</summary>
    public Tensor PolicyChosenLogps => this["policy_chosen_logps"];

    /// <summary>[B,T] log-probabilities of the rejected answers' tokens under the policy; 0 where masked.</summary>
    public Tensor PolicyRejectedLogps => this["policy_rejected_logps"];

    /// <summary>[B,T] the same under the frozen reference.</summary>
    public Tensor ReferenceChosenLogps => this["reference_chosen_logps"];

    /// <summary>[B,T] the same under the frozen reference.</summary>
    public Tensor ReferenceRejectedLogps => this["reference_rejected_logps"];

    /// <summary>[B,T] 1 at the chosen answers' tokens, else 0.</summary>
    public Tensor ChosenMask => this["chosen_mask"];

    /// <summary>[B,T] 1 at the rejected answers' tokens, else 0.</summary>
    public Tensor RejectedMask => this["rejected_mask"];

    /// <summary>Refuses a side whose tensors differ in shape, and sides with different numbers of rows.</summary>
    /// <exception cref="InvalidInputException">The message holds <c>shape</c>.</exception>
    public void RequireShapes(bool reference)
    {
        RequireSameShape("policy_chosen_logps", "chosen_mask");
        RequireSameShape("policy_rejected_logps", "rejected_mask");
        RequireSameRows("policy_chosen_logps", "policy_rejected_logps");
        if (reference)
        {
            _ = (ReferenceChosenLogps, ReferenceRejectedLogps);
            RequireSameShape("policy_chosen_logps", "reference_chosen_logps");
            RequireSameShape("policy_rejected_logps", "reference_rejected_logps");
        }
    }
}

/// <summary>N on-policy completions in groups; right-padded.</summary>
public sealed class GroupBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public GroupBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public GroupBatch()
    {
    }

    /// <summary>[N,T] log-probabilities under the current policy; 0 where masked.</summary>
    public Tensor Logps => this["logps"];

    /// <summary>[N,T] log-probabilities under the policy that sampled; null on the first update, where they are the current ones.</summary>
    public Tensor? OldLogps => Find("old_logps");

    /// <summary>[N,T] log-probabilities under the frozen reference.</summary>
    public Tensor ReferenceLogps => this["reference_logps"];

    /// <summary>[N,T] 1 at completion tokens, else 0.</summary>
    public Tensor Mask => this["mask"];

    /// <summary>[N] or [N,T].</summary>
    public Tensor Advantages => this["advantages"];

    /// <summary>[N,T] entropy of the policy's next-token distribution, nats.</summary>
    public Tensor Entropies => this["entropies"];

    /// <summary>[N] bool, true where the completion was cut at the longest length.</summary>
    public Tensor? Truncated => Find("truncated");
}

/// <summary>Prompts with one right completion each; right-padded.</summary>
public sealed class SequenceBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public SequenceBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public SequenceBatch()
    {
    }

    /// <summary>[N,T] log-probabilities of the completions' tokens under the policy; 0 where masked.</summary>
    public Tensor Logps => this["logps"];

    /// <summary>[N,T] 1 at completion tokens, else 0.</summary>
    public Tensor Mask => this["mask"];
}

/// <summary>N sampled completions with the values of a critic; right-padded.</summary>
public sealed class ActorCriticBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public ActorCriticBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public ActorCriticBatch()
    {
    }

    /// <summary>[N,T] log-probabilities under the current policy; 0 where masked.</summary>
    public Tensor Logps => this["logps"];

    /// <summary>[N,T] log-probabilities under the policy that sampled.</summary>
    public Tensor OldLogps => this["old_logps"];

    /// <summary>[N,T] value of the state before each token, under the current critic.</summary>
    public Tensor Values => this["values"];

    /// <summary>[N,T] the same, recorded while sampling.</summary>
    public Tensor OldValues => this["old_values"];

    /// <summary>[N,T].</summary>
    public Tensor Advantages => this["advantages"];

    /// <summary>[N,T] what the critic should predict.</summary>
    public Tensor Returns => this["returns"];

    /// <summary>[N,T] 1 at completion tokens, else 0.</summary>
    public Tensor Mask => this["mask"];

    /// <summary>[N,T] entropy of the policy's next-token distribution, nats.</summary>
    public Tensor Entropies => this["entropies"];
}
