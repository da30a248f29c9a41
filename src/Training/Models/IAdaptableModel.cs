using Plumbline.Training.Diffusion;

namespace Plumbline.Training.Models;

/// <summary>A model whose weights can stay as they are while low-rank adapters learn.</summary>
public interface IAdaptableModel : IModel
{
    /// <summary>Whether it has adapters.</summary>
    bool IsAdapted { get; }

    /// <summary>Adds adapters that change nothing yet; from now on they alone train.</summary>
    /// <exception cref="PlumblineException">It has some, or no layer takes them.</exception>
    void Adapt(LowRankAdapterOptions options, Draws draws);

    /// <summary>Adds what the adapters learnt to the weights; they begin anew at no change.</summary>
    /// <exception cref="PlumblineException">There are none, or a copy shares the weights.</exception>
    void Merge();
}
