namespace Plumbline.Training.Agents;

/// <summary>Makes the actor that fits a model.</summary>
internal static class Actors
{
    /// <summary>The policy of a stage.</summary>
    internal static IActor Policy(StageContext stage, AgentOptions options) => Of(stage.Run.Models.Get<IModel>("policy"), options);

    /// <summary>The policy as it is now, frozen, as the reference.</summary>
    internal static IActor Reference(StageContext stage, AgentOptions options) => Of(ReferencePolicy.Freeze<IModel>(stage), options);

    /// <summary>The actor of a model.</summary>
    /// <exception cref="PlumblineException">It can't act in words.</exception>
    internal static IActor Of(IModel model, AgentOptions options) => model switch
    {
        IChoiceModel choosing => new ChoiceActor(choosing, options),
        ICausalModel language => new LanguageActor(language, options),
        _ => throw new PlumblineException($"a {model.GetType().Name} can't act in a text environment; the policy must be a language model ({nameof(ICausalModel)}) or choose among texts ({nameof(IChoiceModel)})"),
    };
}
