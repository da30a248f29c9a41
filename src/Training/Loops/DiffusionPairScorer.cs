using Plumbline.Training.Diffusion;
using TorchSharp;
using static TorchSharp.torch;

namespace Plumbline.Training;

/// <summary>Pairs of a better and a worse sample as columns: chosen, rejected and, where there are conditions, condition.</summary>
internal sealed record SamplePairs(Tensor Chosen, Tensor Rejected, Tensor? Conditions)
{
    internal int Count => (int)Chosen.shape[0];

    /// <summary>The pairs of a data set's columns.</summary>
    /// <exception cref="PlumblineException">A column is missing, there is no row, or the samples are not the model's.</exception>
    internal static SamplePairs Of(IReadOnlyDictionary<string, Tensor> columns, string data, IDenoisingModel model)
    {
        Tensor Column(string name) => columns.TryGetValue(name, out var column) ? column
            : throw new PlumblineException($"data '{data}' has no column '{name}', and pairs need one; it has {string.Join(", ", columns.Keys)}");
        var like = model.Network.parameters().First();
        var pairs = new SamplePairs(Column("chosen"), Column("rejected"), columns.GetValueOrDefault("condition"));
        if (pairs.Count == 0)
        {
            throw new PlumblineException($"data '{data}' has no pairs");
        }

        foreach (var (name, samples) in new[] { ("chosen", pairs.Chosen), ("rejected", pairs.Rejected) })
        {
            if (!samples.shape.AsSpan(1).SequenceEqual([.. model.SampleShape]))
            {
                throw new PlumblineException($"the samples of data '{data}' in the column '{name}' have the shape [{string.Join(',', samples.shape[1..])}], and the model's have [{string.Join(',', model.SampleShape)}]");
            }
        }

        return new SamplePairs(pairs.Chosen.to(like.device).to_type(like.dtype), pairs.Rejected.to(like.device).to_type(like.dtype), pairs.Conditions?.to(like.device));
    }

    internal SamplePairs Take(IEnumerable<int> rows)
    {
        var places = tensor([.. rows.Select(row => (long)row)], device: Chosen.device);
        return new SamplePairs(Chosen.index_select(0, places), Rejected.index_select(0, places), Conditions?.index_select(0, places));
    }
}

/// <summary>Pairs of samples to the batch that an objective reads: noise added to both, one forward of the policy, and of the reference where there is one.</summary>
internal sealed class DiffusionPairScorer(IDiffusionModel policy, IDenoisingModel? reference, bool sharedNoise = true, double conditionDropout = 0)
{
    /// <summary>The batch of B pairs.</summary>
    /// <param name="pairs">B of them.</param>
    /// <param name="draws">A source of chance for each.</param>
    internal DiffusionPairBatch Score(SamplePairs pairs, IReadOnlyList<Draws> draws)
    {
        var (device, dtype, count) = (pairs.Chosen.device, pairs.Chosen.dtype, pairs.Count);
        var schedule = policy.Process.Schedule;
        long[] timesteps = schedule is null ? [] : [.. draws.Select(row => (long)row.Key("time").Below(schedule.Timesteps))];
        var points = schedule is null ? policy.Process.At([.. draws.Select(row => row.Key("time").Uniform())], device) : policy.Process.At(timesteps, device);

        var noise = Noise("noise");
        var other = sharedNoise ? noise : Noise("other-noise");
        var noisy = cat([points.Level.AddNoise(pairs.Chosen, noise), points.Level.AddNoise(pairs.Rejected, other)], 0);
        var time = Twice(points.Time.to_type(dtype));
        var conditions = pairs.Conditions is { } asked ? Twice(asked) : null;
        var bare = conditions is null || conditionDropout == 0 ? null
            : Twice(tensor([.. draws.Select(row => row.Key("bare").Uniform() < conditionDropout)], device: device));

        var batch = new DiffusionPairBatch
        {
            ["chosen_target"] = points.Level.Target(policy.Process.Prediction, pairs.Chosen, noise),
            ["rejected_target"] = points.Level.Target(policy.Process.Prediction, pairs.Rejected, other),
        };
        if (schedule is null)
        {
            batch.With("sigmas", points.Time);
        }
        else
        {
            batch.With("alphas_cumprod", tensor([.. schedule.AlphasCumprod], device: device)).With("timesteps", tensor(timesteps, device: device));
        }

        Add("policy", policy.Predict(noisy, time, conditions, bare));
        if (reference is not null)
        {
            using var still = no_grad();
            Add("reference", reference.Predict(noisy, time, conditions, bare));
        }

        return batch;

        Tensor Noise(string name) => NormalNoise.Of([.. draws.Select(row => row.Key(name))], policy.SampleShape, dtype, device);

        Tensor Twice(Tensor rows) => cat([rows, rows], 0);

        void Add(string model, Tensor both) =>
            batch.With($"{model}_chosen_prediction", both.narrow(0, 0, count)).With($"{model}_rejected_prediction", both.narrow(0, count, count));
    }
}
