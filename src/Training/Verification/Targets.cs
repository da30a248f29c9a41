using System.Reflection;
using System.Text.Json.Nodes;
using Plumbline.Options;

namespace Plumbline.Training.Verification;

/// <summary>What a case's target does: options and inputs to a result.</summary>
internal delegate object? TargetCall(JsonObject options, CaseInputs inputs);

/// <summary>Finds the pure functions that reference cases name.</summary>
/// <remarks>In this order: a <see cref="TargetAttribute"/>; an advantage <c>id/advantages</c>; an objective by its id.</remarks>
internal sealed class Targets
{
    private const string Advantages = "/advantages";
    private readonly IPartResolver _parts;
    private readonly Dictionary<string, MethodInfo> _functions = new(StringComparer.Ordinal);

    internal Targets(IPartResolver parts, IEnumerable<Assembly> assemblies)
    {
        _parts = parts;
        var methods = assemblies.SelectMany(assembly => assembly.GetExportedTypes())
            .SelectMany(type => type.GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly));
        foreach (var method in methods)
        {
            if (method.GetCustomAttribute<TargetAttribute>() is { } target && !_functions.TryAdd(target.Name, method))
            {
                var other = _functions[target.Name];
                throw new PlumblineException($"both {Words(other)} and {Words(method)} are the target '{target.Name}'; a target is unique");
            }
        }
    }

    /// <summary>Every target at hand.</summary>
    internal IEnumerable<string> Known => _functions.Keys
        .Concat(_parts.Ids(Kinds.Objective)).Concat(_parts.Ids(Kinds.Advantage).Select(id => id + Advantages))
        .Distinct().Order(StringComparer.Ordinal);

    /// <summary>A target by name.</summary>
    /// <exception cref="PlumblineException">There is none; the message says which there are.</exception>
    internal TargetCall Find(string name)
    {
        if (_functions.TryGetValue(name, out var method))
        {
            return (options, inputs) => Call(method, options, inputs);
        }

        if (name.EndsWith(Advantages, StringComparison.Ordinal) && _parts.Find(Kinds.Advantage, name[..^Advantages.Length]) is { } advantage)
        {
            return (options, inputs) => ((IAdvantage)Make(advantage, options)).Compute(new Batch(inputs.Values));
        }

        if (_parts.Find(Kinds.Objective, name) is { } objective)
        {
            return (options, inputs) => ((IObjective)Make(objective, options)).Compute(BatchOf(objective.Type, inputs));
        }

        var nearest = Naming.Nearest(name, Known) is { } near ? $"; did you mean '{near}'?" : string.Empty;
        throw new PlumblineException($"unknown target '{name}'{nearest} (known: {string.Join(", ", Known)})");
    }

    /// <summary>The objective's own view of a batch.</summary>
    private static Batch BatchOf(Type objective, CaseInputs inputs)
    {
        for (var type = objective; type is not null; type = type.BaseType)
        {
            if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(Objective<>))
            {
                return (Batch)Activator.CreateInstance(type.GetGenericArguments()[0], inputs.Values)!;
            }
        }

        return new Batch(inputs.Values);
    }

    private object Make(PartDescriptor part, JsonObject options) => part.Create(NoServices.Instance, Bind(part.OptionsType, options, $"{part.Kind} '{part.Id}'"));

    private object? Bind(Type? type, JsonObject options, string owner)
    {
        if (type is not null)
        {
            return OptionsBinder.Bind(type, options, _parts);
        }

        return options.Count == 0 ? null : throw new ManifestException([new ManifestError("$." + options.First().Key, $"{owner} has no options")]);
    }

    private object? Call(MethodInfo method, JsonObject options, CaseInputs inputs)
    {
        object? part = null;
        object? bound = null;
        if (method.IsStatic)
        {
            var record = method.GetParameters().Select(parameter => parameter.ParameterType).FirstOrDefault(IsOptions);
            bound = Bind(record, options, Words(method));
        }
        else
        {
            var attribute = method.DeclaringType!.GetCustomAttributes<PartAttribute>().FirstOrDefault();
            var found = attribute is null ? null : _parts.Find(attribute.Kind, attribute.Id);
            part = Make(found ?? throw new PlumblineException($"{Words(method)} is no static function, and its class is no part: nothing says how to make one"), options);
        }

        object?[] arguments = [.. method.GetParameters().Select(parameter => IsOptions(parameter.ParameterType) ? bound : Argument(parameter, inputs))];
        RefuseUnread(method, inputs);
        return method.Invoke(part, BindingFlags.DoNotWrapExceptions, null, arguments, null);
    }

    private static object? Argument(ParameterInfo parameter, CaseInputs inputs)
    {
        if (parameter.ParameterType.IsAssignableTo(typeof(Batch)))
        {
            return Activator.CreateInstance(parameter.ParameterType, inputs.Values);
        }

        var name = Naming.ToJson(parameter.Name!);
        return inputs.Has(name) ? inputs.As(name, parameter.ParameterType)
            : parameter.HasDefaultValue ? parameter.DefaultValue
            : throw new InvalidInputException($"the input '{name}' is missing; this case has {string.Join(", ", inputs.Names)}");
    }

    private static void RefuseUnread(MethodInfo method, CaseInputs inputs)
    {
        var parameters = method.GetParameters();
        if (parameters.All(parameter => !parameter.ParameterType.IsAssignableTo(typeof(Batch)))
            && inputs.Names.Except(parameters.Select(parameter => Naming.ToJson(parameter.Name!))).FirstOrDefault() is { } unread)
        {
            throw new InvalidInputException($"nothing reads the input '{unread}': {Words(method)} has no parameter of that name");
        }
    }

    private static bool IsOptions(Type type) => type.Name.EndsWith("Options", StringComparison.Ordinal);

    private static string Words(MethodInfo method) => $"{method.DeclaringType!.Name}.{method.Name}";

    /// <summary>Pure mathematics needs no service.</summary>
    private sealed class NoServices : IServiceProvider
    {
        internal static readonly NoServices Instance = new();

        public object? GetService(Type serviceType) => null;
    }
}
