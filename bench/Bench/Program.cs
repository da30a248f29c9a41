// The same work as a peer program in Python on the same libtorch, for bench/run to compare.
// Usage: Plumbline.Bench [dpo-step | grpo-step | decode | ops ...]
// Prints one JSON object a line: work, median seconds, items per second, the last value, threads of the tensor library.
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
using static TorchSharp.torch;

Dictionary<string, Func<Work>> works = new(StringComparer.Ordinal)
{
    ["dpo-step"] = () => new DpoStep(),
    ["grpo-step"] = () => new GrpoStep(),
    ["decode"] = () => new Decoding(),
    ["ops"] = () => new Additions(),
};
foreach (var name in args.Length > 0 ? args : [.. works.Keys])
{
    if (!works.TryGetValue(name, out var make))
    {
        Console.Error.WriteLine($"there is no work '{name}'; there are {string.Join(", ", works.Keys)}");
        return 2;
    }

    using var work = make();
    _ = (work.Step(), work.Step());
    var seconds = new double[work.Runs];
    var last = 0.0;
    for (var run = 0; run < seconds.Length; run++)
    {
        var begun = Stopwatch.GetTimestamp();
        last = work.Step();
        seconds[run] = Stopwatch.GetElapsedTime(begun).TotalSeconds;
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

static double Median(double[] values)
{
    Array.Sort(values);
    return (values[(values.Length - 1) / 2] + values[values.Length / 2]) / 2;
}
