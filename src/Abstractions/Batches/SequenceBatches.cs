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

    /// <summary>[N] the sum of the rewards.</summary>
    public Tensor Rewards => this["rewards"];

    /// <summary>[N] int64; completions of one prompt share an id.</summary>
    public Tensor GroupIds => this["group_ids"];

    /// <summary>[N,T] int64 token ids of the completions; 0 where masked.</summary>
    public Tensor Tokens => this["tokens"];
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

    /// <summary>[N,T] log-probabilities under the frozen reference.</summary>
    public Tensor ReferenceLogps => this["reference_logps"];

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

/// <summary>G lists of n items each, padded; an item is an answer or a part of one.</summary>
public sealed class ListBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public ListBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public ListBatch()
    {
    }

    /// <summary>[G,n] log-probability of each item under the policy, summed over its tokens; 0 where masked.</summary>
    public Tensor PolicyItemLogps => this["policy_item_logps"];

    /// <summary>[G,n] the same under the frozen reference.</summary>
    public Tensor ReferenceItemLogps => this["reference_item_logps"];

    /// <summary>[G,n] bool, false where a list has no such item.</summary>
    public Tensor ItemMask => this["item_mask"];

    /// <summary>[G,n] graded relevance, 0 for not marked.</summary>
    public Tensor Relevance => this["relevance"];

    /// <summary>[G,n] int64 place in the feedback list, from 1.</summary>
    public Tensor Ranks => this["ranks"];

    /// <summary>[G,n] int64 tokens of each item.</summary>
    public Tensor ItemLengths => this["item_lengths"];
}

/// <summary>N answers in steps; right-padded.</summary>
public sealed class StepBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public StepBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public StepBatch()
    {
    }

    /// <summary>[N,T] log-probabilities under the policy; 0 where masked.</summary>
    public Tensor Logps => this["logps"];

    /// <summary>[N,T] the same under the frozen reference.</summary>
    public Tensor ReferenceLogps => this["reference_logps"];

    /// <summary>[N,T] 1 at answer tokens, else 0.</summary>
    public Tensor Mask => this["mask"];

    /// <summary>[N,T] int64; tokens of one step share an id, -1 where none.</summary>
    public Tensor StepIds => this["step_ids"];

    /// <summary>[N,S] the advantage of each step.</summary>
    public Tensor Advantages => this["advantages"];

    /// <summary>[N,T] the value of the state before each token, where the objective has a value function.</summary>
    public Tensor Values => this["values"];
}

/// <summary>B pairs of a better and a worse answer, as a model of preferences sees them.</summary>
public sealed class PreferenceModelBatch : Batch
{
    /// <summary>A batch over named values.</summary>
    public PreferenceModelBatch(IEnumerable<KeyValuePair<string, object>> values)
        : base(values)
    {
    }

    /// <summary>An empty batch, to be filled by an object initialiser.</summary>
    public PreferenceModelBatch()
    {
    }

    /// <summary>[B] scores of the better answers, where the model's dimension is 1.</summary>
    public Tensor ChosenScores => this["chosen_scores"];

    /// <summary>[B] scores of the worse answers, where the model's dimension is 1.</summary>
    public Tensor RejectedScores => this["rejected_scores"];

    /// <summary>[B,D] embeddings of the better answers.</summary>
    public Tensor ChosenEmbeddings => this["chosen_embeddings"];

    /// <summary>[B,D] embeddings of the worse answers.</summary>
    public Tensor RejectedEmbeddings => this["rejected_embeddings"];

    /// <summary>[B] scores of the completions, where the objective learns from no pairs and the dimension is 1.</summary>
    public Tensor Scores => this["scores"];

    /// <summary>[B,K] what the model gives the prompt; null without a gate.</summary>
    public Tensor? GateLogits => Find("gate_logits");
}
