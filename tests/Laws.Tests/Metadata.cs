using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Plumbline.Tests.Laws;

/// <summary>What an assembly refers to, read from its file; nothing is loaded.</summary>
internal sealed record Metadata(string Name, IReadOnlySet<string> Assemblies, IReadOnlySet<string> Types, IReadOnlySet<(string Type, string Member)> Members, IReadOnlySet<string> Texts)
{
    internal static Metadata Of(string path)
    {
        using var image = new PEReader(File.OpenRead(path));
        var reader = image.GetMetadataReader();
        var members = reader.MemberReferences.Select(reader.GetMemberReference)
            .Where(member => member.Parent.Kind == HandleKind.TypeReference)
            .Select(member => (NameOf(reader, (TypeReferenceHandle)member.Parent), reader.GetString(member.Name)));
        return new Metadata(
            reader.GetString(reader.GetAssemblyDefinition().Name),
            reader.AssemblyReferences.Select(reference => reader.GetString(reader.GetAssemblyReference(reference).Name)).ToHashSet(),
            reader.TypeReferences.Select(type => NameOf(reader, type)).ToHashSet(),
            members.ToHashSet(),
            TextsOf(reader).ToHashSet());
    }

    /// <summary>Full name, a plus between nested types.</summary>
    private static string NameOf(MetadataReader reader, TypeReferenceHandle handle)
    {
        var type = reader.GetTypeReference(handle);
        var name = reader.GetString(type.Name);
        return type.ResolutionScope.Kind == HandleKind.TypeReference ? $"{NameOf(reader, (TypeReferenceHandle)type.ResolutionScope)}+{name}"
            : type.Namespace.IsNil ? name : $"{reader.GetString(type.Namespace)}.{name}";
    }

    /// <summary>Every text that the code mentions.</summary>
    private static IEnumerable<string> TextsOf(MetadataReader reader)
    {
        for (var handle = MetadataTokens.UserStringHandle(1); !handle.IsNil && reader.GetHeapSize(HeapIndex.UserString) > 1; handle = reader.GetNextHandle(handle))
        {
            yield return reader.GetUserString(handle);
        }
    }
}
