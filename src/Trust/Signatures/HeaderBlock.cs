using System.Buffers;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>Where one field of a header stands.</summary>
internal readonly record struct FieldPlace(int Offset, int Length, int NameLength);

/// <summary>A header whose fields are found once, and canonicalized as often as signatures ask for them.</summary>
internal sealed class HeaderBlock
{
    private readonly ReadOnlyMemory<byte> _octets;
    private readonly List<FieldPlace> _fields = [];

    /// <param name="header">A message, or its beginning up to the empty line. Valid as long as this is used.</param>
    public HeaderBlock(ReadOnlyMemory<byte> header)
    {
        _octets = header;
        foreach (var field in HeaderFields.Of(header.Span)) _fields.Add(new(field.Offset, field.Octets.Length, field.Name.Length));
    }

    /// <summary>In the message's order.</summary>
    public IReadOnlyList<FieldPlace> Fields => _fields;

    public ReadOnlySpan<byte> Name(FieldPlace field) => _octets.Span.Slice(field.Offset, field.NameLength);

    /// <summary>The whole field, its line end included.</summary>
    public ReadOnlySpan<byte> Octets(FieldPlace field) => _octets.Span.Slice(field.Offset, field.Length);

    /// <summary>The value as text, folded as it stands there.</summary>
    public string Value(FieldPlace field)
    {
        var octets = Octets(field);
        return Encoding.UTF8.GetString(octets[(octets.IndexOf((byte)':') + 1)..]);
    }

    public bool Is(FieldPlace field, ReadOnlySpan<byte> name) => Ascii.EqualsIgnoreCase(Name(field), name);

    public List<FieldPlace> All(ReadOnlySpan<byte> name)
    {
        var found = new List<FieldPlace>();
        foreach (var field in _fields)
        {
            if (Is(field, name)) found.Add(field);
        }
        return found;
    }

    /// <summary>RFC 6376 §5.4.2: the fields that a list of names selects, each name from the bottom up; names without a field select
    /// nothing.</summary>
    public void Select(IReadOnlyList<string> names, List<FieldPlace> selected)
    {
        Span<byte> name = stackalloc byte[TrustLimits.FieldNameOctetsMax];
        for (var i = 0; i < names.Count; i++)
        {
            if (!Encoding.UTF8.TryGetBytes(names[i], name, out var length)) continue;
            var skip = 0;
            for (var before = 0; before < i; before++)
            {
                if (names[before] == names[i]) skip++;
            }
            for (var at = _fields.Count - 1; at >= 0; at--)
            {
                if (!Is(_fields[at], name[..length]) || skip-- > 0) continue;
                selected.Add(_fields[at]);
                break;
            }
        }
    }

    /// <summary>Writes a field as it is signed (RFC 6376 §3.4.1, §3.4.2), with its line end.</summary>
    public void Write(FieldPlace field, bool relaxed, IBufferWriter<byte> output) => Write(Octets(field), relaxed, output);

    /// <param name="field">With or without its line end.</param>
    /// <param name="ends">Whether the line end is written: not for the signature's own field (RFC 6376 §3.7).</param>
    public static void Write(ReadOnlySpan<byte> field, bool relaxed, IBufferWriter<byte> output, bool ends = true)
    {
        while (!field.IsEmpty && field[^1] is (byte)'\r' or (byte)'\n') field = field[..^1];
        var span = output.GetSpan(field.Length + 2);
        var length = field.Length;
        if (relaxed) length = Relax(field, span);
        else field.CopyTo(span);
        if (ends) "\r\n"u8.CopyTo(span[length..]);
        output.Advance(ends ? length + 2 : length);
    }

    private static int Relax(ReadOnlySpan<byte> field, Span<byte> output)
    {
        var colon = field.IndexOf((byte)':');
        var at = 0;
        if (colon >= 0)
        {
            foreach (var b in field[..colon].TrimEnd(" \t"u8)) output[at++] = b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;
            output[at++] = (byte)':';
        }
        var start = at;
        var space = false;
        foreach (var b in field[(colon + 1)..])
        {
            switch (b)
            {
                case (byte)'\r' or (byte)'\n':
                    break;
                case (byte)' ' or (byte)'\t':
                    space = true;
                    break;
                default:
                    if (space && at > start) output[at++] = (byte)' ';
                    space = false;
                    output[at++] = b;
                    break;
            }
        }
        return at;
    }
}
