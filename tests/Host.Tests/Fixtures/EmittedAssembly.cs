using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Plumbline.Tests.Host.Fixtures;

/// <summary>An assembly of metadata alone: what it references, which attributes its classes carry. It can be read, not run.</summary>
internal sealed class EmittedAssembly
{
    private const string Contract = "Plumbline.Abstractions";
    private static readonly Version ContractVersion = typeof(PartAttribute).Assembly.GetName().Version!;
    private readonly MetadataBuilder _metadata = new();
    private readonly Dictionary<string, AssemblyReferenceHandle> _references = [];
    private readonly bool _isModule;
    private readonly AssemblyDefinitionHandle _assembly;

    /// <summary>An assembly that references the contract, unless told otherwise.</summary>
    internal EmittedAssembly(string name, Version? contract = null, bool referencesContract = true, bool isModule = false)
    {
        _isModule = isModule;
        _metadata.AddModule(0, _metadata.GetOrAddString(name + ".dll"), _metadata.GetOrAddGuid(Guid.NewGuid()), default, default);
        if (!isModule)
        {
            _assembly = _metadata.AddAssembly(_metadata.GetOrAddString(name), new Version(1, 2, 3, 0), default, default, 0, AssemblyHashAlgorithm.None);
        }

        _metadata.AddTypeDefinition(0, default, _metadata.GetOrAddString("<Module>"), default, MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        Referencing("System.Runtime", new Version(10, 0, 0, 0));
        if (referencesContract)
        {
            Referencing(Contract, contract ?? ContractVersion);
        }
    }

    /// <summary>Adds a reference.</summary>
    internal EmittedAssembly Referencing(string name, Version? version = null)
    {
        _references[name] = _metadata.AddAssemblyReference(_metadata.GetOrAddString(name), version ?? new Version(1, 0, 0, 0), default, default, 0, default);
        return this;
    }

    /// <summary>Adds a public class with an attribute of the contract, given texts and named properties.</summary>
    internal EmittedAssembly WithPart(string typeName, string attribute, string[] arguments, params (string Name, string Value)[] named) =>
        WithPart(TypeAttributes.Public, typeName, attribute, arguments, named);

    /// <summary>Adds a reward that only its own assembly can see.</summary>
    internal EmittedAssembly WithHiddenReward(string id) => WithPart(TypeAttributes.NotPublic, "Part", "RewardAttribute", [id], []);

    private EmittedAssembly WithPart(TypeAttributes visibility, string typeName, string attribute, string[] arguments, (string Name, string Value)[] named)
    {
        var type = _metadata.AddTypeDefinition(
            visibility | TypeAttributes.Class, _metadata.GetOrAddString("Emitted"), _metadata.GetOrAddString(typeName),
            _metadata.AddTypeReference(_references["System.Runtime"], _metadata.GetOrAddString("System"), _metadata.GetOrAddString("Object")),
            MetadataTokens.FieldDefinitionHandle(1), MetadataTokens.MethodDefinitionHandle(1));
        Mark(type, attribute, arguments, named);
        return this;
    }

    /// <summary>Adds a class that is a reward.</summary>
    internal EmittedAssembly WithReward(string id, string typeName = "Part") => WithPart(typeName, "RewardAttribute", [id]);

    /// <summary>States the contracts it works with.</summary>
    internal EmittedAssembly WithRange(string from, string below)
    {
        Mark(_assembly, "ContractRangeAttribute", [from, below], []);
        return this;
    }

    /// <summary>The file's bytes.</summary>
    internal byte[] Bytes()
    {
        var image = new BlobBuilder();
        new ManagedPEBuilder(
            new PEHeaderBuilder(imageCharacteristics: Characteristics.Dll | Characteristics.ExecutableImage),
            new MetadataRootBuilder(_metadata, suppressValidation: _isModule), ilStream: new BlobBuilder()).Serialize(image);
        return image.ToArray();
    }

    /// <summary>Writes the file into a folder, which is made.</summary>
    internal string WriteTo(string folder, string file)
    {
        var path = Path.Combine(Directory.CreateDirectory(folder).FullName, file);
        File.WriteAllBytes(path, Bytes());
        return path;
    }

    private void Mark(EntityHandle owner, string attribute, string[] arguments, (string Name, string Value)[] named)
    {
        var type = _metadata.AddTypeReference(_references[Contract], _metadata.GetOrAddString("Plumbline"), _metadata.GetOrAddString(attribute));
        var signature = new BlobBuilder();
        new BlobEncoder(signature).MethodSignature(isInstanceMethod: true).Parameters(arguments.Length, result => result.Void(), parameters =>
        {
            foreach (var _ in arguments)
            {
                parameters.AddParameter().Type().String();
            }
        });
        var value = new BlobBuilder();
        new BlobEncoder(value).CustomAttributeSignature(
            constants =>
            {
                foreach (var argument in arguments)
                {
                    constants.AddArgument().Scalar().Constant(argument);
                }
            },
            names =>
            {
                var count = names.Count(named.Length);
                foreach (var (name, text) in named)
                {
                    count.AddArgument(isField: false, kind => kind.ScalarType().String(), label => label.Name(name), literal => literal.Scalar().Constant(text));
                }
            });
        _metadata.AddCustomAttribute(
            owner, _metadata.AddMemberReference(type, _metadata.GetOrAddString(".ctor"), _metadata.GetOrAddBlob(signature)), _metadata.GetOrAddBlob(value));
    }
}
