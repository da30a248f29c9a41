using Plumbline.Plugins.Gigpo;
using Plumbline.Plugins.Salt;
using Plumbline.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Tests.Plugins;

public sealed class SaltLaws
{
    private static readonly SaltAdvantageOptions Defaults = new();

    [Fact]
    public void Where_nothing_merges_advantages_stay_as_they_were() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        turns = turns with { States = [.. turns.States.Select((_, row) => $"state {row}")] };
        var before = random.Normal(1, turns.States.Length);
        var after = Salt(turns, before, Defaults);
        Given.Same(before, after.Tensor("advantages"));
        Given.Same(0, after.Tensor("shared"));
    });

    [Fact]
    public void The_sum_over_steps_is_kept() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        var before = random.Normal(1, turns.States.Length);
        Given.Same(before.sum(), Salt(turns, before, Defaults).Tensor("advantages").sum());
    });

    [Fact]
    public void A_step_that_all_trajectories_take_once_is_neutral() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        turns = turns with { Actions = [.. turns.Actions.Select((action, row) => turns.Steps[row] == 0 ? "begin" : action)], Next = [.. turns.Next.Select((next, row) => turns.Steps[row] == 0 ? "hall" : next)] };
        turns = turns with { States = [.. turns.States.Select((state, row) => turns.Steps[row] == 0 ? "start" : "not the " + state)] };
        var advantages = new SharedSteps(Defaults).Compute(turns.Batch());
        var first = tensor(turns.Steps).eq(0);
        Given.Same(0, advantages.Tensor("advantages").masked_select(first));
        Given.Same(1, advantages.Tensor("shared").masked_select(first));
    });

    [Fact]
    public void The_order_of_rows_does_not_matter() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        var options = Defaults with { History = random.Next(3), Count = random.Next(2) == 0 ? EdgeCount.Steps : EdgeCount.Trajectories };
        var before = new SharedSteps(options).Compute(turns.Batch()).Tensor("advantages");
        int[] order = [.. Enumerable.Range(0, turns.States.Length)];
        random.Shuffle(order);
        Given.Same(before.index_select(0, tensor(order.Select(row => (long)row).ToArray())), new SharedSteps(options).Compute(turns.Take(order).Batch()).Tensor("advantages"));
    });

    [Fact]
    public void A_policy_that_sees_only_the_key_gets_grpos_gradient() => Given.AnyBatch(random =>
    {
        // A table over states; the key is state and action. What merges is one entry of the table, and the sum over its members is kept.
        var turns = Turns.Any(random);
        var options = Defaults with { Key = EdgeKey.StateAction };
        string[] entries = [.. turns.States.Zip(turns.Actions, turns.Groups).Select(row => $"{row.Third} {row.First} {row.Second}")];
        string[] known = [.. entries.Distinct()];
        var place = tensor(entries.Select(entry => (long)Array.IndexOf(known, entry)).ToArray());
        var before = random.Normal(1, turns.States.Length);
        Tensor PerEntry(Tensor advantages) => zeros(known.Length, float64).index_add(0, place, advantages, 1);
        Given.Same(PerEntry(before), PerEntry(Salt(turns, before, options).Tensor("advantages")));
    });

    [Fact]
    public void More_history_never_merges_more() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        long Edges(int history, EdgeKey key) => Plumbline.Plugins.Salt.SharedSteps.Edges(
            tensor(turns.Groups), tensor(turns.Trajectories), tensor(turns.Steps), turns.States, turns.Actions, turns.Next, new() { History = history, Key = key }).Tensor("edge_counts").shape[0];
        Assert.True(Edges(0, EdgeKey.StateAction) <= Edges(0, EdgeKey.StateActionState));
        Assert.True(Edges(0, EdgeKey.StateActionState) <= Edges(1, EdgeKey.StateActionState));
        Assert.True(Edges(1, EdgeKey.StateActionState) <= Edges(2, EdgeKey.StateActionState));
    });

    [Fact]
    public void It_transforms_what_the_part_before_it_gave() => Given.AnyBatch(random =>
    {
        var turns = Turns.Any(random);
        var gigpo = turns.Gigpo(new GigpoAdvantageOptions()).Tensor("advantages");
        Given.Same(Salt(turns, gigpo, Defaults).Tensor("advantages"), new SharedSteps(Defaults).Compute(turns.Batch().With("advantages", gigpo)).Tensor("advantages"));
    });

    [Fact]
    public void The_loss_is_that_of_gigpo() => Given.AnyBatch(random =>
    {
        var mask = random.Mask(6, 5);
        var batch = new GroupBatch
        {
            ["logps"] = random.Logps(mask).requires_grad_(),
            ["old_logps"] = random.Logps(mask),
            ["reference_logps"] = random.Logps(mask),
            ["mask"] = mask,
            ["advantages"] = random.Normal(1, 6),
        };
        var (salt, gigpo) = (new Salt(new SaltOptions()).Compute(batch), new Gigpo(new GigpoOptions()).Compute(batch));
        Given.Same(gigpo.Value, salt.Value);
        Given.Same(gigpo.GradientOf(batch.Logps), salt.GradientOf(batch.Logps));
    });

    private static Outputs Salt(Turns turns, Tensor before, SaltAdvantageOptions options) => Plumbline.Plugins.Salt.SharedSteps.Advantages(
        tensor(turns.Groups), tensor(turns.Trajectories), tensor(turns.Steps), turns.States, turns.Actions, turns.Next, before, options);
}
