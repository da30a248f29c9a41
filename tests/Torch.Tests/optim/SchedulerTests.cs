using TorchSharp.Modules;
using static TorchSharp.torch.optim;

namespace Plumbline.Tests.optim;

public class SchedulerTests
{
    private static readonly Dictionary<string, Func<Optimizer, lr_scheduler.LRScheduler>> Makers = new()
    {
        ["lambda"] = o => lr_scheduler.LambdaLR(o, step => 1.0 / (1 + step)),
        ["step"] = o => lr_scheduler.StepLR(o, 3, gamma: 0.5),
        ["milestones"] = o => lr_scheduler.MultiStepLR(o, [2, 5], gamma: 0.1),
        ["exponential"] = o => lr_scheduler.ExponentialLR(o, 0.9),
        ["constant"] = o => lr_scheduler.ConstantLR(o, factor: 0.25, total_iters: 4),
        ["linear"] = o => lr_scheduler.LinearLR(o, start_factor: 0.25, end_factor: 0.75, total_iters: 4),
        ["polynomial"] = o => lr_scheduler.PolynomialLR(o, total_iters: 6, power: 2),
        ["cosine"] = o => lr_scheduler.CosineAnnealingLR(o, 8, eta_min: 0.01),
    };

    public static TheoryData<string> Names => [.. ReferenceTable.Names("schedulers")];

    [Fact]
    public void Every_schedule_of_the_table_is_there() =>
        Assert.Equal(ReferenceTable.Names("schedulers").Order(StringComparer.Ordinal), Makers.Keys.Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(Names))]
    public void A_schedule_gives_PyTorchs_rates(string name)
    {
        using var optimizer = SGD([new Parameter(zeros(1))], 0.1);
        var schedule = Makers[name](optimizer);
        foreach (var rate in ReferenceTable.Entry("schedulers", name).GetProperty("rates").EnumerateArray())
        {
            Assert.Equal(rate.GetDouble(), schedule.get_last_lr().Single(), 12);
            Assert.Equal(rate.GetDouble(), optimizer.ParamGroups.Single().LearningRate, 12);
            schedule.step();
        }
    }

    [Fact]
    public void A_schedule_takes_up_where_one_left_off()
    {
        using var optimizer = SGD([new Parameter(zeros(1))], 0.1);
        var whole = lr_scheduler.ExponentialLR(optimizer, 0.5);
        whole.step();
        whole.step();
        var rate = optimizer.ParamGroups.Single().LearningRate;

        var resumed = lr_scheduler.ExponentialLR(optimizer, 0.5, last_epoch: 1);
        Assert.Equal(rate, resumed.get_last_lr().Single());

        resumed.step(5);
        Assert.Equal(0.1 / 32, resumed.get_last_lr().Single(), 15);
    }
}
