using System.Reflection;
using TorchSharp.Modules;

namespace TorchSharp;

public static partial class torch
{
    public static partial class nn
    {
        public static Parameter Parameter(Tensor data, bool requires_grad = true) => new(data, requires_grad);

        /// <summary>A part of a network: parameters, buffers and parts of its own, by name.</summary>
        public class Module : IDisposable
        {
            private readonly List<(string Name, Parameter Value)> _parameters = [];
            private readonly List<(string Name, Tensor Value, bool Persistent)> _buffers = [];
            private readonly List<(string Name, Module Value)> _modules = [];
            private readonly string _name;
            private bool _training = true;

            protected Module(string name) => _name = name;

            public virtual bool training => _training;

            public virtual string GetName() => _name;

            /// <summary>Registers every parameter, buffer and module that is a field of the class, by the field's name.</summary>
            protected virtual void RegisterComponents()
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

            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_parameter(string name, Parameter param)
            {
                ArgumentNullException.ThrowIfNull(param);
                Free(name, _parameters.Any(known => known.Name == name), "parameter");
                _parameters.Add((name, param));
            }

            /// <summary>Adds a tensor that is part of the module and does not train.</summary>
            /// <param name="name">Its name here.</param>
            /// <param name="tensor">It is taken out of its dispose scope.</param>
            /// <param name="persistent">Whether it is part of the state.</param>
            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_buffer(string name, Tensor tensor, bool persistent = true)
            {
                ArgumentNullException.ThrowIfNull(tensor);
                Free(name, _buffers.Any(known => known.Name == name), "buffer");
                _buffers.Add((name, tensor.DetachFromDisposeScope(), persistent));
            }

            /// <exception cref="InvalidOperationException">The name is taken.</exception>
            public virtual void register_module(string name, Module submodule)
            {
                ArgumentNullException.ThrowIfNull(submodule);
                Free(name, _modules.Any(known => known.Name == name), "module");
                _modules.Add((name, submodule));
            }

            public void add_module(string name, Module module) => register_module(name, module);

            public virtual IEnumerable<(string name, Module module)> named_children() => _modules.Select(child => (child.Name, child.Value));

            public virtual IEnumerable<Module> children() => named_children().Select(child => child.module);

            /// <summary>The parts, then the parts of each; not this module itself.</summary>
            public virtual IEnumerable<(string name, Module module)> named_modules() =>
                named_children().Concat(named_children().SelectMany(child => child.module.named_modules().Select(inner => ($"{child.name}.{inner.name}", inner.module))));

            public virtual IEnumerable<Module> modules() => named_modules().Select(pair => pair.module);

            /// <summary>Every parameter once, also one that several modules share: by its first name.</summary>
            public virtual IEnumerable<(string name, Parameter parameter)> named_parameters(bool recurse = true) =>
                _parameters.Select(own => (own.Name, own.Value)).Concat(recurse
                    ? _modules.SelectMany(child => child.Value.named_parameters().Select(inner => ($"{child.Name}.{inner.name}", inner.parameter)))
                    : []).DistinctBy(pair => pair.Item2, ReferenceEqualityComparer.Instance);

            public virtual IEnumerable<Parameter> parameters(bool recurse = true) => named_parameters(recurse).Select(pair => pair.parameter);

            public virtual IEnumerable<(string name, Tensor buffer)> named_buffers(bool recurse = true, bool include_nonpersistent = true) =>
                _buffers.Where(own => include_nonpersistent || own.Persistent).Select(own => (own.Name, own.Value)).Concat(recurse
                    ? _modules.SelectMany(child => child.Value.named_buffers(true, include_nonpersistent).Select(inner => ($"{child.Name}.{inner.name}", inner.buffer)))
                    : []).DistinctBy(pair => pair.Item2, ReferenceEqualityComparer.Instance);

            public virtual IEnumerable<Tensor> buffers(bool recurse = true, bool include_nonpersistent = true) => named_buffers(recurse, include_nonpersistent).Select(pair => pair.buffer);

            public virtual bool has_parameter(string target) => named_parameters().Any(pair => pair.name == target);

            public virtual Parameter? get_parameter(string target) => named_parameters().FirstOrDefault(pair => pair.name == target).parameter;

            public virtual bool has_buffer(string target) => named_buffers().Any(pair => pair.name == target);

            public virtual Tensor? get_buffer(string target) => named_buffers().FirstOrDefault(pair => pair.name == target).buffer;

            /// <summary>Parameters and persistent buffers by name; what is shared has all its names.</summary>
            public virtual Dictionary<string, Tensor> state_dict(Dictionary<string, Tensor>? destination = null, string? prefix = null)
            {
                destination ??= [];
                var before = string.IsNullOrEmpty(prefix) ? string.Empty : $"{prefix}.";
                foreach (var (name, parameter) in _parameters)
                {
                    destination.TryAdd(before + name, parameter);
                }

                foreach (var (name, buffer, persistent) in _buffers)
                {
                    if (persistent)
                    {
                        destination.TryAdd(before + name, buffer);
                    }
                }

                foreach (var (name, child) in _modules)
                {
                    child.state_dict(destination, before + name);
                }

                return destination;
            }

            /// <summary>Copies tensors into the parameters and buffers of the same names.</summary>
            /// <exception cref="InvalidOperationException">A name is missing or left over, and <paramref name="strict"/> is set.</exception>
            public virtual (IList<string> missing_keys, IList<string> unexpected_keyes) load_state_dict(Dictionary<string, Tensor> source, bool strict = true, IList<string>? skip = null)
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

            public virtual void train(bool train = true)
            {
                _training = train;
                foreach (var child in children())
                {
                    child.train(train);
                }
            }

            public virtual void eval() => train(false);

            public virtual void zero_grad(bool set_to_none = true)
            {
                using var scope = NewDisposeScope();
                foreach (var parameter in parameters())
                {
                    if (set_to_none)
                    {
                        parameter.grad = null;
                    }
                    else
                    {
                        parameter.grad?.detach().zero_();
                    }
                }
            }

            /// <summary>Does something with every part, then with the module itself.</summary>
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

            internal void Convert(Device? device, ScalarType? type, bool nonBlocking)
            {
                using var scope = NewDisposeScope();
                using var still = no_grad();
                foreach (var tensor in parameters().Concat(buffers()))
                {
                    var wanted = type is { } given && tensor.is_floating_point() ? given : tensor.dtype;
                    tensor.set_data(tensor.to(wanted, device ?? tensor.device, non_blocking: nonBlocking));
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

                foreach (var (_, buffer, _) in _buffers)
                {
                    buffer.Dispose();
                }

                foreach (var child in children())
                {
                    child.Dispose();
                }
            }

            private void Free(string name, bool taken, string what)
            {
                if (taken)
                {
                    throw new InvalidOperationException($"{GetName()} has a {what} named '{name}' already");
                }
            }

            /// <summary>Puts a parameter in the place of one of that name, which is disposed of.</summary>
            private protected void Replace(string name, ref Parameter? held, Parameter? by)
            {
                if (ReferenceEquals(held, by))
                {
                    return;
                }

                var place = _parameters.FindIndex(known => known.Name == name);
                if (place >= 0 && by is not null)
                {
                    _parameters[place] = (name, by);
                }
                else if (place >= 0)
                {
                    _parameters.RemoveAt(place);
                }
                else if (by is not null)
                {
                    register_parameter(name, by);
                }

                held?.Dispose();
                held = by;
            }

            /// <summary>For a list whose parts change their places.</summary>
            internal void ForgetModules() => _modules.Clear();
        }
    }
}
