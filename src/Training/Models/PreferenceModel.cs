using Plumbline.Training.Engine;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Plumbline.Training.Models;

/// <summary>What gives answers a score, or an embedding: one network with a head, or several members that were trained alike.</summary>
public sealed class PreferenceModel : IModel
{
    private readonly Ensemble _ensemble;

    /// <summary>A model of at least one member.</summary>
    public PreferenceModel(IReadOnlyList<PreferenceMember> members)
    {
        ArgumentNullException.ThrowIfNull(members);
        Members = members.Count > 0 ? members : throw new ArgumentException("a preference model has at least one member", nameof(members));
        _ensemble = new Ensemble(members);
    }

    /// <summary>The members; those of an ensemble differ in first weights and order of data.</summary>
    public IReadOnlyList<PreferenceMember> Members { get; }

    /// <inheritdoc/>
    public nn.Module Network => _ensemble;

    /// <summary>The scores of all members, normalised; without gradient.</summary>
    /// <param name="rows">N prompts, each with an answer.</param>
    /// <returns>[N,K] float64 on the CPU.</returns>
    /// <exception cref="PlumblineException">The members give embeddings, not scores.</exception>
    public Tensor Scores(IReadOnlyList<PromptedText> rows) => stack([.. Members.Select(member => member.Scores(rows))], 1);

    /// <inheritdoc/>
    public IModel Freeze() => new PreferenceModel([.. Members.Select(member => member.Freeze())]);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var member in Members)
        {
            member.Dispose();
        }

        _ensemble.Dispose();
    }

    private sealed class Ensemble : nn.Module
    {
        internal Ensemble(IReadOnlyList<PreferenceMember> members)
            : base(nameof(Ensemble))
        {
            for (var i = 0; i < members.Count; i++)
            {
                register_module($"members.{i}", members[i]);
            }
        }
    }
}

/// <summary>One network of a preference model: a backbone, a linear head on what it reads in an answer, another on what it reads in a prompt, and the statistics its scores are normalised by.</summary>
/// <remarks>Heads have no bias: it would cancel in a pair. They begin normal with the standard deviation 1/(width + 1).</remarks>
public sealed class PreferenceMember : nn.Module
{
    /// <summary>Rows that are read at a time where no gradient is asked for.</summary>
    private const int Chunk = 1024;
    private readonly IPreferenceBackbone _backbone;
    private readonly Parameter _head;
    private readonly Parameter? _gate;
    private readonly Tensor _mean;
    private readonly Tensor _std;

    /// <summary>A member with first weights for its heads.</summary>
    /// <param name="backbone">It is the member's own from here on.</param>
    /// <param name="dimension">Numbers it gives an answer; 1 is a score.</param>
    /// <param name="gateDimension">Numbers it gives a prompt; 0: none.</param>
    /// <param name="draws">Source of chance for the heads.</param>
    public PreferenceMember(IPreferenceBackbone backbone, int dimension, int gateDimension, Draws draws)
        : base(nameof(PreferenceMember))
    {
        ArgumentNullException.ThrowIfNull(backbone);
        (_backbone, Dimension) = (backbone, dimension);
        register_module("backbone", backbone.Network);
        using var scope = NewDisposeScope();
        var like = backbone.Network.parameters().First();
        _head = Head("head", dimension);
        _gate = gateDimension > 0 ? Head("gate", gateDimension) : null;
        _mean = zeros([], ScalarType.Float64, like.device);
        _std = ones([], ScalarType.Float64, like.device);
        register_buffer("mean", _mean);
        register_buffer("std", _std);
        scope.Detach(parameters());
        scope.Detach(_mean, _std);

        Parameter Head(string name, int numbers)
        {
            double[] values = [.. Enumerable.Range(0, numbers * backbone.Width).Select(i => draws.Key(name).Key(i).Normal() / (backbone.Width + 1))];
            var head = new Parameter(tensor(values, [numbers, backbone.Width], device: like.device).to_type(like.dtype));
            register_parameter(name, head);
            return head;
        }
    }

    /// <summary>Numbers it gives an answer; 1 is a score.</summary>
    public int Dimension { get; }

    /// <summary>Numbers it gives a prompt; 0: none.</summary>
    public int GateDimension => (int)(_gate?.shape[0] ?? 0);

    /// <summary>What it gives answers and prompts, as it is trained: not normalised.</summary>
    /// <param name="rows">N prompts, each with an answer.</param>
    /// <returns>[N,Dimension]; [N,GateDimension], null without a gate.</returns>
    public (Tensor Embeddings, Tensor? Gates) Read(IReadOnlyList<PromptedText> rows)
    {
        var (answers, prompts) = _backbone.Read(rows, _gate is not null);
        return (Through(answers, _head), _gate is null ? null : Through(prompts!, _gate));

        static Tensor Through(Tensor states, Parameter head)
        {
            var values = nn.functional.linear(states, head);
            return values.to_type(Kernels.WideType(values.dtype));
        }
    }

    /// <summary>The same without gradient, in chunks.</summary>
    /// <returns>[N,Dimension] and [N,GateDimension], float64 on the CPU.</returns>
    public (Tensor Embeddings, Tensor? Gates) Embed(IReadOnlyList<PromptedText> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        using var still = no_grad();
        var (embeddings, gates) = (new List<Tensor>(), new List<Tensor>());
        foreach (var some in rows.Chunk(Chunk))
        {
            using var scope = NewDisposeScope();
            var (answers, prompts) = Read(some);
            embeddings.Add(answers.to_type(ScalarType.Float64).cpu().MoveToOuterDisposeScope());
            if (prompts is not null)
            {
                gates.Add(prompts.to_type(ScalarType.Float64).cpu().MoveToOuterDisposeScope());
            }
        }

        return (cat([.. embeddings]), gates.Count == 0 ? null : cat([.. gates]));
    }

    /// <summary>The normalised scores.</summary>
    /// <returns>[N] float64 on the CPU.</returns>
    /// <exception cref="PlumblineException">It gives embeddings, not scores.</exception>
    public Tensor Scores(IReadOnlyList<PromptedText> rows)
    {
        if (Dimension != 1)
        {
            throw new PlumblineException($"the preference model gives an answer {Dimension} numbers, which are no score; use a judge that compares them");
        }

        return (Embed(rows).Embeddings.squeeze(1) - _mean.cpu()) / _std.cpu();
    }

    /// <summary>From here on scores have mean 0 and standard deviation 1 over these rows.</summary>
    public void Normalize(IReadOnlyList<PromptedText> rows)
    {
        using var scope = NewDisposeScope();
        using var still = no_grad();
        _mean.zero_();
        _std.fill_(1);
        var scores = Scores(rows);
        var std = scores.std(unbiased: false);
        if (!(std.ToDouble() > 0))
        {
            throw new PlumblineException($"the {rows.Count} answers to normalise by all have the score {scores[0].ToDouble()}; the preference model tells none of them apart");
        }

        _mean.copy_(scores.mean());
        _std.copy_(std);
    }

    /// <summary>A copy that does not train.</summary>
    internal PreferenceMember Freeze()
    {
        var copy = new PreferenceMember((IPreferenceBackbone)_backbone.Freeze(), Dimension, GateDimension, default);
        copy.load_state_dict(state_dict());
        copy.eval();
        foreach (var parameter in copy.parameters())
        {
            parameter.requires_grad = false;
        }

        return copy;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _backbone.Dispose();
        }

        base.Dispose(disposing);
    }
}
