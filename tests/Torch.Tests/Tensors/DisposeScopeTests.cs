namespace Plumbline.Tests.Tensors;

public class DisposeScopeTests
{
    [Fact]
    public void A_scope_disposes_of_what_was_made_in_it_and_no_more()
    {
        using var outside = zeros(1);
        Tensor inside;
        using (var scope = NewDisposeScope())
        {
            inside = outside + 1;
            Assert.Equal(1, scope.DisposablesCount);
            Assert.True(scope.Contains(inside));
            Assert.False(scope.Contains(outside));
            Assert.Same(inside, scope.DisposablesView.Single());
        }

        Assert.True(inside.IsInvalid);
        Assert.False(outside.IsInvalid);
    }

    [Fact]
    public void Scopes_nest_and_each_takes_its_own()
    {
        using var outer = NewDisposeScope();
        var first = zeros(1);
        Tensor second;
        using (NewDisposeScope())
        {
            second = zeros(1);
        }

        var third = zeros(1);

        Assert.True(second.IsInvalid);
        Assert.False(first.IsInvalid || third.IsInvalid);
        Assert.Equal(2, outer.DisposablesCount);
    }

    [Fact]
    public void What_is_moved_outward_lives_as_long_as_the_outer_scope()
    {
        Tensor moved, second;
        using (NewDisposeScope())
        {
            using (var inner = NewDisposeScope())
            {
                moved = zeros(1).MoveToOuterDisposeScope();
                second = inner.MoveToOuter(zeros(1));
                inner.MoveToOuter(zeros(1), zeros(1));
                Assert.Equal(0, inner.DisposablesCount);
            }

            Assert.False(moved.IsInvalid || second.IsInvalid);
        }

        Assert.True(moved.IsInvalid && second.IsInvalid);
    }

    [Fact]
    public void What_is_moved_out_of_the_outermost_scope_lives_on()
    {
        Tensor moved;
        using (NewDisposeScope())
        {
            moved = zeros(1).MoveToOuterDisposeScope();
        }

        Assert.False(moved.IsInvalid);
        moved.Dispose();
    }

    [Fact]
    public void What_is_detached_lives_until_it_is_disposed_of()
    {
        Tensor a, b, c;
        using (var scope = NewDisposeScope())
        {
            a = zeros(1).DetachFromDisposeScope();
            (b, c) = scope.Detach(zeros(1), zeros(1));
        }

        Assert.False(a.IsInvalid || b.IsInvalid || c.IsInvalid);
        a.Dispose();
        b.Dispose();
        c.Dispose();
        Assert.True(a.IsInvalid);
    }

    [Fact]
    public void A_tensor_of_another_scope_is_not_detached()
    {
        using var outer = NewDisposeScope();
        var tensor = zeros(1);
        using var inner = NewDisposeScope();

        inner.Detach(tensor);
        Assert.True(outer.Contains(tensor));

        inner.Attach(tensor);
        Assert.True(inner.Contains(tensor) && !outer.Contains(tensor));
        tensor.MoveToOtherDisposeScope(outer);
        Assert.True(outer.Contains(tensor));
        zeros(1).MoveToOtherDisposeScope(tensor);
        Assert.Equal(2, outer.DisposablesCount);
        Assert.Throws<InvalidOperationException>(() => inner.Attach(new MemoryStream()));
    }

    [Fact]
    public void A_scope_can_be_emptied_but_for_some()
    {
        using var scope = NewDisposeScope();
        var (kept, dropped) = (zeros(1), zeros(1));

        Assert.Same(kept, scope.DisposeEverythingBut(kept));
        Assert.True(dropped.IsInvalid && !kept.IsInvalid);

        scope.DisposeEverything();
        Assert.True(kept.IsInvalid);
        Assert.Equal(0, scope.DisposablesCount);
        var later = zeros(1);
        Assert.True(scope.Contains(later));
    }

    [Fact]
    public void Scopes_that_end_out_of_order_still_dispose_of_their_own()
    {
        var outer = NewDisposeScope();
        var first = zeros(1);
        var inner = NewDisposeScope();
        var second = zeros(1);

        outer.Dispose();
        Assert.True(first.IsInvalid && !second.IsInvalid);
        var third = zeros(1);
        inner.Dispose();

        Assert.True(second.IsInvalid && third.IsInvalid);
        using var free = zeros(1);
        using var scope = NewDisposeScope();
        Assert.False(scope.Contains(free));
    }

    [Fact]
    public void Moving_out_of_a_scope_whose_outer_has_ended_goes_one_further()
    {
        using var first = NewDisposeScope();
        var second = NewDisposeScope();
        using var third = NewDisposeScope();
        second.Dispose();

        var moved = zeros(1).MoveToOuterDisposeScope();

        Assert.True(first.Contains(moved));
    }

    [Fact]
    public void A_scope_belongs_to_its_thread()
    {
        using var scope = NewDisposeScope();
        Tensor? made = null;
        Elsewhere(() => made = zeros(1));

        Assert.False(scope.Contains(made!));
        made!.Dispose();
    }

    [Fact]
    public void A_scope_that_ended_on_another_thread_takes_nothing_more()
    {
        using var outer = NewDisposeScope();
        var inner = NewDisposeScope();
        var before = zeros(1);
        Elsewhere(inner.Dispose);

        var after = zeros(1);

        Assert.True(before.IsInvalid);
        Assert.True(outer.Contains(after));
    }

    private static void Elsewhere(Action work)
    {
        var thread = new Thread(() => work());
        thread.Start();
        thread.Join();
    }

    [Fact]
    public void A_tensor_disposed_of_early_leaves_its_scope()
    {
        using var scope = NewDisposeScope();
        var (a, b, c) = (zeros(1), zeros(1), zeros(1));

        a.Dispose();
        a.Dispose();

        Assert.Equal(2, scope.DisposablesCount);
        Assert.True(scope.Contains(b) && scope.Contains(c) && !scope.Contains(a));
    }

    [Fact]
    public void Tensors_are_counted_while_they_live()
    {
        var before = LiveTensors.Settled();
        using (NewDisposeScope())
        {
            var two = zeros(4).split(2);
            Assert.Equal(before + 3, Tensor.TotalCount);
            two[0].Dispose();
            Assert.Equal(before + 2, Tensor.TotalCount);
        }

        Assert.Equal(before, Tensor.TotalCount);
    }
}
