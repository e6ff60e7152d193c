using System.Collections.Immutable;
using System.Reflection.Emit;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Posthorn.House.Tests;

/// <summary>Which namespace of one assembly refers to which other, read from its metadata and its code: base types, members, attributes,
/// signatures and every token in a method body. A nested type counts for the namespace of its outermost type.</summary>
internal sealed class NamespaceGraph
{
    private static readonly OpCode[] OneByte = new OpCode[256];
    private static readonly OpCode[] TwoBytes = new OpCode[256];

    private readonly PEReader _image;
    private readonly MetadataReader _metadata;
    private readonly Mentions _mentions;

    // From a namespace to another, with the pair of types that shows it.
    private readonly SortedDictionary<string, SortedDictionary<string, string>> _edges = new(StringComparer.Ordinal);
    private TypeDefinitionHandle _from;

    static NamespaceGraph()
    {
        foreach (var field in typeof(OpCodes).GetFields())
        {
            var code = (OpCode)field.GetValue(null)!;
            (code.Size == 1 ? OneByte : TwoBytes)[code.Value & 0xFF] = code;
        }
    }

    private NamespaceGraph(PEReader image)
    {
        _image = image;
        _metadata = image.GetMetadataReader();
        _mentions = new Mentions(this);
    }

    /// <summary>Every circle, one line each, with the types that close it; empty when there is none.</summary>
    public static IReadOnlyList<string> Circles(string assemblyPath)
    {
        using var image = new PEReader(File.OpenRead(assemblyPath));
        var graph = new NamespaceGraph(image);
        graph.Read();
        return graph.FindCircles();
    }

    private void Read()
    {
        foreach (var handle in _metadata.TypeDefinitions)
        {
            _from = handle;
            var type = _metadata.GetTypeDefinition(handle);
            Note(type.BaseType);
            foreach (var i in type.GetInterfaceImplementations()) Note(_metadata.GetInterfaceImplementation(i).Interface);
            foreach (var f in type.GetFields()) _metadata.GetFieldDefinition(f).DecodeSignature(_mentions, null);
            foreach (var p in type.GetProperties()) _metadata.GetPropertyDefinition(p).DecodeSignature(_mentions, null);
            foreach (var a in type.GetCustomAttributes()) Note(_metadata.GetCustomAttribute(a).Constructor);
            foreach (var g in type.GetGenericParameters()) NoteConstraints(g);
            foreach (var m in type.GetMethods()) ReadMethod(_metadata.GetMethodDefinition(m));
        }
    }

    private void NoteConstraints(GenericParameterHandle parameter)
    {
        foreach (var c in _metadata.GetGenericParameter(parameter).GetConstraints()) Note(_metadata.GetGenericParameterConstraint(c).Type);
    }

    private void ReadMethod(MethodDefinition method)
    {
        method.DecodeSignature(_mentions, null);
        foreach (var a in method.GetCustomAttributes()) Note(_metadata.GetCustomAttribute(a).Constructor);
        foreach (var g in method.GetGenericParameters()) NoteConstraints(g);
        if (method.RelativeVirtualAddress == 0) return;
        var body = _image.GetMethodBody(method.RelativeVirtualAddress);
        if (!body.LocalSignature.IsNil) _metadata.GetStandaloneSignature(body.LocalSignature).DecodeLocalSignature(_mentions, null);
        foreach (var region in body.ExceptionRegions) Note(region.CatchType);
        ReadCode(body.GetILReader());
    }

    private void ReadCode(BlobReader code)
    {
        while (code.RemainingBytes > 0)
        {
            byte first = code.ReadByte();
            var operation = first == 0xFE ? TwoBytes[code.ReadByte()] : OneByte[first];
            switch (operation.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineType or OperandType.InlineTok:
                    Note(MetadataTokens.EntityHandle(code.ReadInt32()));
                    break;
                case OperandType.InlineNone:
                    break;
                case OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar:
                    code.Offset += 1;
                    break;
                case OperandType.InlineVar:
                    code.Offset += 2;
                    break;
                case OperandType.InlineI8 or OperandType.InlineR:
                    code.Offset += 8;
                    break;
                case OperandType.InlineSwitch:
                    // The count is read first: a compound assignment would take the offset before it.
                    int targets = code.ReadInt32();
                    code.Offset += 4 * targets;
                    break;
                default:
                    code.Offset += 4;
                    break;
            }
        }
    }

    private void Note(EntityHandle handle)
    {
        if (handle.IsNil) return;
        switch (handle.Kind)
        {
            case HandleKind.TypeDefinition:
                Note((TypeDefinitionHandle)handle);
                break;
            case HandleKind.TypeSpecification:
                _metadata.GetTypeSpecification((TypeSpecificationHandle)handle).DecodeSignature(_mentions, null);
                break;
            case HandleKind.MethodDefinition:
                Note(_metadata.GetMethodDefinition((MethodDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.FieldDefinition:
                Note(_metadata.GetFieldDefinition((FieldDefinitionHandle)handle).GetDeclaringType());
                break;
            case HandleKind.MemberReference:
                Note(_metadata.GetMemberReference((MemberReferenceHandle)handle).Parent);
                break;
            case HandleKind.MethodSpecification:
                var method = _metadata.GetMethodSpecification((MethodSpecificationHandle)handle);
                Note(method.Method);
                method.DecodeSignature(_mentions, null);
                break;
            default:
                break;
        }
    }

    private void Note(TypeDefinitionHandle to)
    {
        string source = NamespaceOf(_from), target = NamespaceOf(to);
        if (source == target || source.Length == 0 || target.Length == 0) return;
        if (!_edges.TryGetValue(source, out var targets)) _edges.Add(source, targets = new(StringComparer.Ordinal));
        targets.TryAdd(target, $"{NameOf(_from)} uses {NameOf(to)}");
    }

    private TypeDefinition Outermost(TypeDefinitionHandle handle)
    {
        var type = _metadata.GetTypeDefinition(handle);
        while (type.IsNested) type = _metadata.GetTypeDefinition(type.GetDeclaringType());
        return type;
    }

    // What source generators of the SDK add lives outside the project's own names.
    private string NamespaceOf(TypeDefinitionHandle handle)
    {
        string name = _metadata.GetString(Outermost(handle).Namespace);
        return name.StartsWith("Posthorn", StringComparison.Ordinal) ? name : "";
    }

    private string NameOf(TypeDefinitionHandle handle)
    {
        var type = Outermost(handle);
        return $"{_metadata.GetString(type.Namespace)}.{_metadata.GetString(type.Name)}";
    }

    private List<string> FindCircles()
    {
        var circles = new List<string>();
        var done = new HashSet<string>(StringComparer.Ordinal);
        var path = new List<string>();
        foreach (string start in _edges.Keys) Walk(start);
        return circles;

        void Walk(string node)
        {
            int at = path.IndexOf(node);
            if (at >= 0)
            {
                string[] circle = [.. path[at..], node];
                circles.Add(string.Join("; ", circle.Zip(circle.Skip(1), (a, b) => _edges[a][b])));
                return;
            }

            if (!done.Add(node) || !_edges.TryGetValue(node, out var targets)) return;
            path.Add(node);
            foreach (string target in targets.Keys) Walk(target);
            path.RemoveAt(path.Count - 1);
        }
    }

    /// <summary>Decodes signatures for the types that they mention.</summary>
    private sealed class Mentions(NamespaceGraph graph) : ISignatureTypeProvider<object?, object?>
    {
        public object? GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind)
        {
            graph.Note(handle);
            return null;
        }

        public object? GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind)
        {
            graph.Note((EntityHandle)handle);
            return null;
        }

        public object? GetArrayType(object? elementType, ArrayShape shape) => null;

        public object? GetByReferenceType(object? elementType) => null;

        public object? GetFunctionPointerType(MethodSignature<object?> signature) => null;

        public object? GetGenericInstantiation(object? genericType, ImmutableArray<object?> typeArguments) => null;

        public object? GetGenericMethodParameter(object? genericContext, int index) => null;

        public object? GetGenericTypeParameter(object? genericContext, int index) => null;

        public object? GetModifiedType(object? modifier, object? unmodifiedType, bool isRequired) => null;

        public object? GetPinnedType(object? elementType) => null;

        public object? GetPointerType(object? elementType) => null;

        public object? GetPrimitiveType(PrimitiveTypeCode typeCode) => null;

        public object? GetSZArrayType(object? elementType) => null;

        public object? GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => null;
    }
}
