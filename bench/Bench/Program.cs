// The same work as a peer program in Python on the same libtorch, for bench/run to compare.
// Usage: Plumbline.Bench [dpo-step | grpo-step | decode | ops | shared-prefix | short-prefix ...]
// Prints one JSON object a line: work, median seconds, items per second, the last value, threads of the tensor library.
// The last two compare two ways to do the same here, in turns: a prompt run for each completion, and the scorer's own choice.
//
// The model ("small"): vocabulary 256, width 256, 4 layers, 4 heads, SwiGLU of 688, RMSNorm, rotary positions, head apart, float32.
// Everything goes the way a user's run does: the transformer plugin, SequenceScorer, the method's objective, Optimization; the
// kv-cache sampler with keyed draws. Two runs warm up, then the median of as many runs as the peer takes counts.
//
// "threads" is libtorch's number, as in the peer. Matrix products run on the BLAS's threads in both; the fused kernels run on
// the engine's own (native/parallel.h), OMP_NUM_THREADS of them or one a processor.
using System.Diagnostics;
using System.Text.Json;
using Plumbline.Bench;
using Plumbline.Training;
using static TorchSharp.torch;

Dictionary<string, Func<Work>> works = new(StringComparer.Ordinal)
{
    ["dpo-step"] = () => new DpoStep(),
    ["grpo-step"] = () => new GrpoStep(),
    ["decode"] = () => new Decoding(),
    ["ops"] = () => new Additions(),
};
Dictionary<string, Func<SharedPrefixMode, PrefixStep>> prefixes = new(StringComparer.Ordinal)
{
    ["shared-prefix"] = mode => new PrefixStep(prompt: 1024, completion: 64, group: 16, mode),
    ["short-prefix"] = mode => new PrefixStep(prompt: 16, completion: 128, group: 16, mode),
};
foreach (var name in args.Length > 0 ? args : [.. works.Keys])
{
    if (prefixes.TryGetValue(name, out var prefix))
    {
        Compare(name, prefix);
        continue;
    }

    if (!works.TryGetValue(name, out var make))
    {
        Console.Error.WriteLine($"there is no work '{name}'; there are {string.Join(", ", works.Keys.Concat(prefixes.Keys))}");
        return 2;
    }

    using var work = make();
    _ = (work.Step(), work.Step());
    var seconds = new double[work.Runs];
    var last = 0.0;
    for (var run = 0; run < seconds.Length; run++)
    {
        (seconds[run], last) = Timed(work);
    }

    var median = Median(seconds);
    Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["work"] = name,
        ["seconds"] = Math.Round(median, 5),
        ["per_second"] = Math.Round(work.Items / median, 1),
        ["last"] = last,
        ["threads"] = get_num_threads(),
    }));
}

return 0;

static void Compare(string name, Func<SharedPrefixMode, PrefixStep> make)
{
    using var repeated = make(SharedPrefixMode.Off);
    using var shared = make(SharedPrefixMode.Auto);
    _ = (repeated.Step(), shared.Step());
    var seconds = new double[2][];
    (seconds[0], seconds[1]) = (new double[repeated.Runs], new double[repeated.Runs]);
    var last = (0.0, 0.0);
    for (var run = 0; run < repeated.Runs; run++)
    {
        (seconds[0][run], last.Item1) = Timed(repeated);
        (seconds[1][run], last.Item2) = Timed(shared);
    }

    var (slow, fast) = (Median(seconds[0]), Median(seconds[1]));
    Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object>
    {
        ["work"] = name,
        ["repeated_seconds"] = Math.Round(slow, 5),
        ["seconds"] = Math.Round(fast, 5),
        ["ratio"] = Math.Round(slow / fast, 2),
        ["token_ratio"] = Math.Round(repeated.Ideal, 2),
        ["share"] = Math.Round(slow / fast / repeated.Ideal, 2),
        ["loss_gap"] = last.Item1 - last.Item2,
        ["threads"] = get_num_threads(),
    }));
}

static (double Seconds, double Value) Timed(Work work)
{
    var begun = Stopwatch.GetTimestamp();
    var value = work.Step();
    return (Stopwatch.GetElapsedTime(begun).TotalSeconds, value);
}

static double Median(double[] values)
{
    Array.Sort(values);
    return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
}
