using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Runtime.InteropServices;

namespace Plumbline.Host.Plugins;

/// <summary>What an assembly's metadata tells without loading it: name, references, parts, contract range, targets of reference cases.</summary>
internal sealed record AssemblyHeader
{
    private static readonly Dictionary<string, string> KindOfAttribute = KnownKinds();

    /// <summary>The file.</summary>
    public required string Path { get; init; }

    /// <summary>Simple name and version.</summary>
    public required AssemblyName Name { get; init; }

    /// <summary>Whether it is a program rather than a library.</summary>
    public required bool IsProgram { get; init; }

    /// <summary>The processors it was built for; null where any will do.</summary>
    public required Architecture? Architecture { get; init; }

    /// <summary>What it was compiled against.</summary>
    public required IReadOnlyList<AssemblyName> References { get; init; }

    /// <summary>The parts its attributes declare.</summary>
    public required IReadOnlyList<PartHeader> Parts { get; init; }

    /// <summary>The contract versions it says it works with; null where it says nothing.</summary>
    public required (Version From, Version Below)? ContractRange { get; init; }

    /// <summary>Pure functions that reference cases name, such as <c>dpo/metrics</c>.</summary>
    public required IReadOnlyList<string> Targets { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="BadImageFormatException">It is no .NET assembly, or is cut short.</exception>
    public static AssemblyHeader Read(string path)
    {
        using var file = File.OpenRead(path);
        using var portable = new PEReader(file);
        if (!portable.HasMetadata)
        {
            throw new BadImageFormatException("it is no .NET assembly");
        }

        // A copy that broke off may have its metadata whole and its code not.
        if (portable.PEHeaders.SectionHeaders.Any(section => section.PointerToRawData + (long)section.SizeOfRawData > file.Length))
        {
            throw new BadImageFormatException("the file ends before its last section");
        }

        var metadata = portable.GetMetadataReader();
        var parts = new List<PartHeader>();
        foreach (var handle in metadata.TypeDefinitions)
        {
            var type = metadata.GetTypeDefinition(handle);
            foreach (var attribute in type.GetCustomAttributes())
            {
                if (ReadPart(metadata, metadata.GetCustomAttribute(attribute), type) is { } part)
                {
                    parts.Add(part);
                    if (part.SlotKind is { } kind)
                    {
                        parts.Add(part with { Kind = kind, Loop = null, SlotKind = null });
                    }
                }
            }
        }

        return new AssemblyHeader
        {
            Path = path,
            IsProgram = portable.PEHeaders.IsExe,
            Architecture = ReadArchitecture(portable.PEHeaders),
            Name = metadata.GetAssemblyDefinition().GetAssemblyName(),
            References = [.. metadata.AssemblyReferences.Select(reference => metadata.GetAssemblyReference(reference).GetAssemblyName())],
            Parts = parts,
            ContractRange = ReadRange(metadata),
            Targets = [.. metadata.MethodDefinitions.SelectMany(method => metadata.GetMethodDefinition(method).GetCustomAttributes())
                .Select(metadata.GetCustomAttribute)
                .Where(attribute => NameOf(metadata, attribute) == nameof(TargetAttribute))
                .Select(attribute => (string)Decode(attribute).FixedArguments[0].Value!)],
        };
    }

    private static Architecture? ReadArchitecture(PEHeaders headers) => headers.CoffHeader.Machine switch
    {
        Machine.Amd64 => System.Runtime.InteropServices.Architecture.X64,
        Machine.Arm64 => System.Runtime.InteropServices.Architecture.Arm64,
        Machine.ArmThumb2 or Machine.Arm => System.Runtime.InteropServices.Architecture.Arm,
        // What runs on any processor is marked so too, and says it needs no 32 bits.
        Machine.I386 when headers.CorHeader!.Flags.HasFlag(CorFlags.Requires32Bit) || !headers.CorHeader.Flags.HasFlag(CorFlags.ILOnly) => System.Runtime.InteropServices.Architecture.X86,
        _ => null,
    };

    private static PartHeader? ReadPart(MetadataReader metadata, CustomAttribute attribute, TypeDefinition type)
    {
        if (NameOf(metadata, attribute) is not { } name || !KindOfAttribute.TryGetValue(name, out var kind))
        {
            return null;
        }

        var value = Decode(attribute);
        var named = value.NamedArguments.ToDictionary(argument => argument.Name!, argument => argument.Value);
        var fixedArguments = value.FixedArguments.Select(argument => argument.Value as string).ToArray();
        var id = name == nameof(PartAttribute) ? fixedArguments[1]! : fixedArguments[0]!;
        var isAlgorithm = kind == Kinds.Algorithm;
        return new PartHeader(name == nameof(PartAttribute) ? fixedArguments[0]! : kind, id)
        {
            TypeName = FullName(metadata, type),
            Paper = named.GetValueOrDefault(nameof(PartAttribute.Paper)) as string,
            Title = named.GetValueOrDefault(nameof(PartAttribute.Title)) as string,
            Loop = isAlgorithm ? fixedArguments[1] : null,
            // A slot is named after the kind of part it takes.
            SlotKind = isAlgorithm ? (named.GetValueOrDefault(nameof(AlgorithmAttribute.Slot)) as string ?? Kinds.Objective).Replace('_', '-') : null,
        };
    }

    private static (Version From, Version Below)? ReadRange(MetadataReader metadata)
    {
        foreach (var handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            if (NameOf(metadata, attribute) == nameof(ContractRangeAttribute))
            {
                var arguments = Decode(attribute).FixedArguments;
                return Version.TryParse(arguments[0].Value as string, out var from) && Version.TryParse(arguments[1].Value as string, out var below)
                    ? (from, below)
                    : throw new BadImageFormatException($"its contract range '{arguments[0].Value}' to '{arguments[1].Value}' is no pair of versions");
            }
        }

        return null;
    }

    /// <summary>The name of an attribute's type where it is one of the contract's; else null.</summary>
    private static string? NameOf(MetadataReader metadata, CustomAttribute attribute)
    {
        var (scope, ns, name) = attribute.Constructor.Kind switch
        {
            HandleKind.MemberReference when metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent is { Kind: HandleKind.TypeReference } parent =>
                Described((TypeReferenceHandle)parent),
            // Inside the contract assembly itself.
            HandleKind.MethodDefinition => Defined(metadata.GetMethodDefinition((MethodDefinitionHandle)attribute.Constructor).GetDeclaringType()),
            _ => default,
        };
        return ns == nameof(Plumbline) && scope ? name : null;

        (bool, string, string) Described(TypeReferenceHandle handle)
        {
            var type = metadata.GetTypeReference(handle);
            var fromContract = type.ResolutionScope.Kind == HandleKind.AssemblyReference
                && metadata.GetString(metadata.GetAssemblyReference((AssemblyReferenceHandle)type.ResolutionScope).Name) == SharedAssemblies.Contract;
            return (fromContract, metadata.GetString(type.Namespace), metadata.GetString(type.Name));
        }

        (bool, string, string) Defined(TypeDefinitionHandle handle)
        {
            var type = metadata.GetTypeDefinition(handle);
            return (metadata.GetString(metadata.GetAssemblyDefinition().Name) == SharedAssemblies.Contract, metadata.GetString(type.Namespace), metadata.GetString(type.Name));
        }
    }

    private static CustomAttributeValue<string> Decode(CustomAttribute attribute) => attribute.DecodeValue(NamesOnly.Instance);

    private static string FullName(MetadataReader metadata, TypeDefinition type)
    {
        var name = metadata.GetString(type.Name);
        return type.GetDeclaringType() is { IsNil: false } outer
            ? $"{FullName(metadata, metadata.GetTypeDefinition(outer))}+{name}"
            : type.Namespace.IsNil ? name : $"{metadata.GetString(type.Namespace)}.{name}";
    }

    /// <summary>The part attributes of the contract, each with the kind it stands for.</summary>
    private static Dictionary<string, string> KnownKinds() => typeof(PartAttribute).Assembly.GetTypes()
        .Where(type => typeof(PartAttribute).IsAssignableFrom(type))
        .ToDictionary(type => type.Name, type => ((PartAttribute)Activator.CreateInstance(
            type, [.. type.GetConstructors()[0].GetParameters().Select(object (_) => string.Empty)])!).Kind);

    /// <summary>Types as their names: part attributes take texts and numbers only.</summary>
    private sealed class NamesOnly : ICustomAttributeTypeProvider<string>
    {
        internal static readonly NamesOnly Instance = new();

        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();

        public string GetSystemType() => "Type";

        public string GetSZArrayType(string elementType) => elementType + "[]";

        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => "type";

        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => "type";

        public string GetTypeFromSerializedName(string name) => name;

        public PrimitiveTypeCode GetUnderlyingEnumType(string type) => PrimitiveTypeCode.Int32;

        public bool IsSystemType(string type) => type == "Type";
    }
}

/// <summary>One part as metadata declares it.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Id">The name a manifest uses.</param>
internal sealed record PartHeader(string Kind, string Id)
{
    /// <summary>The class, with namespace.</summary>
    public required string TypeName { get; init; }

    /// <summary>An arXiv number.</summary>
    public string? Paper { get; init; }

    /// <summary>The paper's title.</summary>
    public string? Title { get; init; }

    /// <summary>The loop an algorithm brings.</summary>
    public string? Loop { get; init; }

    /// <summary>The kind of the slot an algorithm fills.</summary>
    public string? SlotKind { get; init; }
}
