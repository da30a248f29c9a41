using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class BatchTests
{
    [Fact]
    public void A_missing_input_is_named_together_with_those_at_hand()
    {
        using var scope = NewDisposeScope();
        var batch = new PairBatch { ["chosen_mask"] = ones(1, 2), ["policy_chosen_logps"] = ones(1, 2) };
        var error = Assert.Throws<InvalidInputException>(() => batch.PolicyRejectedLogps);
        Assert.Equal("the input 'policy_rejected_logps' is missing; this batch has chosen_mask, policy_chosen_logps", error.Message);
    }

    [Fact]
    public void A_number_asked_for_as_a_tensor_is_called_no_tensor()
    {
        var batch = new Batch().With("kl_coef", 0.1);
        Assert.Equal("the input 'kl_coef' is no tensor", Assert.Throws<InvalidInputException>(() => batch["kl_coef"]).Message);
        Assert.Null(batch.Find("kl_coef"));
    }

    [Fact]
    public void Plain_numbers_of_any_type_are_read_and_a_text_is_refused()
    {
        using var scope = NewDisposeScope();
        var batch = new Batch().With("a", 2).With("b", 0.5f).With("c", "0.5").With("t", ones(1));
        Assert.Equal((2.0, 0.5), (batch.Number("a"), batch.Number("b")));
        Assert.Null(batch.Number("absent"));
        Assert.Null(batch.Number("t"));
        Assert.Contains("'c'", Assert.Throws<InvalidInputException>(() => batch.Number("c")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_null_leaves_the_batch_as_it_was()
    {
        var batch = new Batch().With("a", 2).With("a", null).With("b", null);
        Assert.Equal(2, batch.Number("a"));
        Assert.False(batch.Has("b"));
    }

    [Fact]
    public void Unequal_shapes_are_refused_with_both_names_and_shapes()
    {
        using var scope = NewDisposeScope();
        var batch = new Batch { ["logps"] = ones(2, 3), ["mask"] = ones(2, 4) };
        var error = Assert.Throws<InvalidInputException>(() => batch.RequireSameShape("logps", "mask", "absent"));
        Assert.Equal("the shape of 'mask' is [2,4], and 'logps' has the shape [2,3]; they must be equal", error.Message);
        batch.RequireSameRows("logps", "mask", "absent");
    }

    [Fact]
    public void Unequal_rows_are_refused_with_both_names()
    {
        using var scope = NewDisposeScope();
        var batch = new Batch { ["logps"] = ones(2, 3), ["advantages"] = ones(3), ["scalar"] = ones([]) };
        Assert.Contains("'advantages' is [3]", Assert.Throws<InvalidInputException>(() => batch.RequireSameRows("logps", "advantages")).Message, StringComparison.Ordinal);
        Assert.Contains("'scalar' is []", Assert.Throws<InvalidInputException>(() => batch.RequireSameRows("logps", "scalar")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_two_sides_of_pairs_may_differ_in_length_and_not_in_rows()
    {
        using var scope = NewDisposeScope();
        PairBatch Pairs(long rows) => new()
        {
            ["policy_chosen_logps"] = ones(2, 3),
            ["chosen_mask"] = ones(2, 3),
            ["policy_rejected_logps"] = ones(rows, 5),
            ["rejected_mask"] = ones(rows, 5),
        };
        Pairs(2).RequireShapes(reference: false);
        Assert.Contains("shape", Assert.Throws<InvalidInputException>(() => Pairs(1).RequireShapes(reference: false)).Message, StringComparison.Ordinal);
        Assert.Contains("'reference_chosen_logps' is missing", Assert.Throws<InvalidInputException>(() => Pairs(2).RequireShapes(reference: true)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_objective_refuses_another_loops_batch()
    {
        IObjective objective = new Plain();
        var error = Assert.Throws<InvalidInputException>(() => objective.Compute(new GroupBatch()));
        Assert.Equal("Plain takes a PairBatch, and was given a GroupBatch", error.Message);
    }
}
