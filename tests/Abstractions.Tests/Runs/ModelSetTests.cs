using static TorchSharp.torch;

namespace Plumbline.Tests;

public sealed class ModelSetTests
{
    [Fact]
    public void A_role_given_to_another_model_disposes_of_the_first()
    {
        using var models = new ModelSet();
        var (first, second) = (new Thing(), new Thing());
        models.Set("policy", first);
        models.Set("policy", first);
        Assert.False(first.Disposed);
        models.Set("policy", second);
        Assert.True(first.Disposed);
        Assert.Same(second, models.Get<Thing>("policy"));
    }

    [Fact]
    public void An_empty_role_and_a_model_of_another_sort_are_refused_by_name()
    {
        using var models = new ModelSet();
        Assert.Contains("no model 'policy'", Assert.Throws<PlumblineException>(() => models.Get<Thing>("policy")).Message, StringComparison.Ordinal);
        models.Set("policy", new Thing());
        Assert.Contains("is a Thing, and a ICausalModel", Assert.Throws<PlumblineException>(() => models.Get<ICausalModel>("policy")).Message, StringComparison.Ordinal);
    }

    private sealed class Thing : IModel
    {
        internal bool Disposed { get; private set; }

        public nn.Module Network => throw new NotSupportedException();

        public IModel Freeze() => new Thing();

        public void Dispose() => Disposed = true;
    }
}
