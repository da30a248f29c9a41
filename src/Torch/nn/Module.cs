using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);

        /// <summary>A part of a network: parameters, buffers and parts of its own, by name.</summary>
        public abstract class Module : IDisposable
        {
            private readonly List<(string Name, Parameter Value)> _parameters = [];
            private readonly List<(string Name, Tensor Value)> _buffers = [];
            private readonly List<(string Name, Module Value)> _modules = [];
            private readonly string _name;

            protected Module(string name) => _name = name;

            public bool training { get; private set; } = true;

            public virtual string GetName() => _name;

            /// <summary>Registers every parameter, buffer and module that is a field of the class, by the field's name.</summary>
            protected void RegisterComponents()
            {
                for (var type = GetType(); type is not null && type != typeof(Module); type = type.BaseType)
                {
                    foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                    {
                        switch (field.GetValue(this))
                        {
                            case Module module when !_modules.Any(known => ReferenceEquals(known.Value, module)):
                                register_module(field.Name, module);
                                break;
                            case Parameter parameter when !_parameters.Any(known => ReferenceEquals(known.Value, parameter)):
                                register_parameter(field.Name, parameter);
                                break;
                            case Tensor buffer and not Modules.Parameter when !_buffers.Any(known => ReferenceEquals(known.Value, buffer)):
                                register_buffer(field.Name, buffer);
                                break;
                        }
                    }
                }
            }

            public virtual void register_parameter(string name, Parameter? param)
            {
                if (param is not null)
                {
                    _parameters.Add((name, param));
                }
            }

            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                ArgumentNullException.ThrowIfNull(tensor);
                _buffers.Add((name, tensor.DetachFromDisposeScope()));
            }

            public virtual void register_module(string name, Module submodule) => _modules.Add((name, submodule));

            public virtual void add_module(string name, Module submodule) => register_module(name, submodule);

            public virtual IEnumerable<(string name, Module module)> named_children() => _modules.Select(child => (child.Name, child.Value));

            public virtual IEnumerable<Module> children() => _modules.Select(child => child.Value);

            public virtual IEnumerable<(string name, Module module)> named_modules() =>
                _modules.SelectMany(child => new[] { (child.Name, child.Value) }.Concat(
                    child.Value.named_modules().Select(inner => ($"{child.Name}.{inner.name}", inner.module))));

            public virtual IEnumerable<Module> modules() => new[] { this }.Concat(named_modules().Select(pair => pair.module));

            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) =>
                _parameters.Select(own => (own.Name, own.Value)).Concat(recurse
                    ? _modules.SelectMany(child => child.Value.named_parameters().Select(inner => ($"{child.Name}.{inner.name}", inner.parameter)))
                    : []);

            /// <summary>Every parameter once, also one that several modules share.</summary>
            public virtual IEnumerable<Parameter> parameters(bool recurse = true) =>
                named_parameters(recurse).Select(pair => pair.parameter).Distinct<Parameter>(ReferenceEqualityComparer.Instance);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) =>
                _buffers.Select(own => (own.Name, own.Value)).Concat(recurse
                    ? _modules.SelectMany(child => child.Value.named_buffers().Select(inner => ($"{child.Name}.{inner.name}", inner.buffer)))
                    : []);

            public virtual IEnumerable<Tensor> buffers(bool recurse = true) => named_buffers(recurse).Select(pair => pair.buffer);

            public virtual bool has_parameter(string target) => named_parameters().Any(pair => pair.name == target);

            public virtual Parameter? get_parameter(string target) => named_parameters().FirstOrDefault(pair => pair.name == target).parameter;

            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                foreach (var (name, value) in named_parameters().Select(pair => (pair.name, (Tensor)pair.parameter)).Concat(named_buffers().Select(pair => (pair.name, pair.buffer))))
                {
                    destination[string.IsNullOrEmpty(prefix) ? name : $"{prefix}.{name}"] = value;
                }

                return destination;
            }

            /// <summary>Copies tensors into the parameters and buffers of the same names.</summary>
            /// <exception cref="InvalidOperationException">A name is missing or left over, and <paramref name="strict"/> is set.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keys) load_state_dict(Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
            {
                ArgumentNullException.ThrowIfNull(source);
                var own = state_dict();
                var missing = own.Keys.Where(name => !source.ContainsKey(name) && skip?.Contains(name) != true).ToList();
                var unexpected = source.Keys.Where(name => !own.ContainsKey(name) && skip?.Contains(name) != true).ToList();
                if (strict && (missing.Count > 0 || unexpected.Count > 0))
                {
                    throw new InvalidOperationException($"the state does not fit: missing [{string.Join(", ", missing)}], left over [{string.Join(", ", unexpected)}]");
                }

                using var still = no_grad();
                foreach (var (name, tensor) in own)
                {
                    if (source.TryGetValue(name, out var value) && skip?.Contains(name) != true)
                    {
                        tensor.copy_(value);
                    }
                }

                return (missing, unexpected);
            }

            public virtual void train(bool on = true)
            {
                training = on;
                foreach (var child in children())
                {
                    child.train(on);
                }
            }

            public void eval() => train(false);

            public virtual void zero_grad(bool set_to_none = true)
            {
                foreach (var parameter in parameters())
                {
                    parameter.grad = null;
                }
            }

            public virtual Module apply(Action<Module> fn)
            {
                ArgumentNullException.ThrowIfNull(fn);
                foreach (var child in children())
                {
                    child.apply(fn);
                }

                fn(this);
                return this;
            }

            internal void Convert(Device? device, ScalarType? type)
            {
                using var still = no_grad();
                foreach (var tensor in parameters().Concat(buffers()))
                {
                    using var scope = NewDisposeScope();
                    var wanted = type is { } given && tensor.is_floating_point() ? given : tensor.dtype;
                    tensor.set_data(tensor.to(wanted, device ?? tensor.device));
                }
            }

            public void Dispose()
            {
                Dispose(true);
                GC.SuppressFinalize(this);
            }

            protected virtual void Dispose(bool disposing)
            {
                if (!disposing)
                {
                    return;
                }

                foreach (var (_, parameter) in _parameters)
                {
                    parameter.Dispose();
                }

                foreach (var (_, buffer) in _buffers)
                {
                    buffer.Dispose();
                }

                foreach (var child in children())
                {
                    child.Dispose();
                }
            }
        }

        public abstract class Module<T, TResult>(string name) : Module(name)
        {
            public abstract TResult forward(T input);

            public TResult call(T input) => forward(input);
        }

        public abstract class Module<T1, T2, TResult>(string name) : Module(name)
        {
            public abstract TResult forward(T1 input1, T2 input2);

            public TResult call(T1 input1, T2 input2) => forward(input1, input2);
        }

        public abstract class Module<T1, T2, T3, TResult>(string name) : Module(name)
        {
            public abstract TResult forward(T1 input1, T2 input2, T3 input3);

            public TResult call(T1 input1, T2 input2, T3 input3) => forward(input1, input2, input3);
        }
    }
}

/// <summary>Moves whole modules.</summary>
public static class ModuleExtensionMethods
{
    public static T to<T>(this T module, torch.Device device)
        where T : torch.nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        module.Convert(device, null);
        return module;
    }

    public static T to<T>(this T module, torch.ScalarType type)
        where T : torch.nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        module.Convert(null, type);
        return module;
    }

    public static T to<T>(this T module, torch.Device device, torch.ScalarType type)
        where T : torch.nn.Module
    {
        ArgumentNullException.ThrowIfNull(module);
        module.Convert(device, type);
        return module;
    }
}
