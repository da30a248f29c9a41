using Plumbline.Host.Runs;

namespace Plumbline.Tests.Host.Runs;

public sealed class RunStateTests
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(10);
    private readonly RunState _state = new();

    [Fact]
    public void Before_five_steps_patience_is_fourfold()
    {
        Assert.Equal(4 * Least, _state.Patience(Least));
        Do(1, 1, 1, 1);
        Assert.Equal(4 * Least, _state.Patience(Least));
        Do(1);
        Assert.Equal(TimeSpan.FromSeconds(200), _state.Patience(Least));
    }

    [Fact]
    public void Patience_is_two_hundred_median_steps_and_never_less_than_asked_for()
    {
        Do(0.001, 0.001, 0.001, 50, 50);
        Assert.Equal(Least, _state.Patience(Least));
        Do(50, 50);
        Assert.Equal(TimeSpan.FromSeconds(200 * 50), _state.Patience(Least));
    }

    [Fact]
    public void A_new_stage_has_a_pace_of_its_own()
    {
        Do(9, 9, 9, 9, 9);
        _state.See(new StageBegan(1, "second", 10));
        Assert.Equal(4 * Least, _state.Patience(Least));
    }

    [Fact]
    public void Patience_can_be_asked_for_while_steps_and_stages_come_in()
    {
        var over = false;
        Parallel.Invoke(
            () =>
            {
                while (!Volatile.Read(ref over))
                {
                    Assert.True(_state.Patience(Least) >= Least);
                }
            },
            () =>
            {
                for (var i = 0; i < 20_000; i++)
                {
                    if (i % 50 == 0)
                    {
                        _state.See(new StageBegan(i, "s", 50));
                    }

                    Do(0.1);
                }

                Volatile.Write(ref over, true);
            });
    }

    [Fact]
    public void What_is_in_hand_is_told_with_part_plugin_phase_stage_and_step()
    {
        Assert.Equal("nothing yet: it was starting", _state.InWords);
        _state.See(new InHand("model m", "M", "building", -1, "start"));
        Assert.Equal("model m of plugin 'M', phase 'building'", _state.InWords);
        Assert.Equal((null, null), (_state.StageInHand, _state.StepInHand));
        _state.See(new InHand("loop l", null, "starting", 0, "first"));
        Assert.Equal("loop l, phase 'starting', stage 'first', before its first step", _state.InWords);
        _state.See(new StageBegan(0, "first", 10));
        Do(1, 1);
        _state.See(new InHand("reward r", "R", "scoring", 0, "first"));
        Assert.Equal("reward r of plugin 'R', phase 'scoring', stage 'first', step 2 of 10", _state.InWords);
        Assert.Equal(("first", 2), (_state.StageInHand, _state.StepInHand));
    }

    [Fact]
    public void What_a_later_stage_begins_with_is_not_told_of_the_stage_before()
    {
        _state.See(new StageBegan(0, "first", 1));
        Do(1);
        _state.See(new InHand("data d", "D", "loading", 1, "second"));
        Assert.Equal("data d of plugin 'D', phase 'loading', stage 'second', before its first step", _state.InWords);
        Assert.Equal(("second", 0), (_state.StageInHand, _state.StepInHand));
    }

    private void Do(params double[] seconds)
    {
        foreach (var time in seconds)
        {
            _state.See(new StepDone(0, _state.Done, [], 1, time));
        }
    }
}
