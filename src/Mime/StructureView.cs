namespace Posthorn.Mime;

/// <summary>Reads a packed body structure (RFC 9051 §7.5.2 BODYSTRUCTURE) without allocation.</summary>
/// <remarks>
/// Layout, version 1: the version; a flag, 1 when the header index is complete; the index as a block; the root part. A part is its kind, then a
/// block: places, type, the fields that its mask names, and its children.
/// </remarks>
public readonly ref struct StructureView
{
    internal const byte Version = 1;

    private readonly ReadOnlySpan<byte> _headers;
    private readonly bool _complete;

    public StructureView(ReadOnlySpan<byte> structure)
    {
        var reader = new PackedReader(structure);
        if (reader.Byte() != Version) return;
        _complete = reader.Byte() == 1;
        _headers = reader.Block();
        Root = PartView.Read(ref reader);
    }

    public HeaderIndex Headers => new(_headers, _complete);

    /// <summary>The message itself as a part: its header is the message's header.</summary>
    public PartView Root { get; }

    /// <summary>Finds a part by its IMAP section numbers, as <c>1.2.3</c> (RFC 9051 §6.4.5.1).</summary>
    /// <param name="section">Numbers separated by dots, without HEADER, MIME or TEXT. Empty is the root.</param>
    /// <param name="part">The part.</param>
    /// <remarks>
    /// <c>1</c> of a message that is not multipart is its body, so it answers the root; inside an enclosed message the numbers count
    /// the parts of that message.
    /// </remarks>
    public bool TryFind(ReadOnlySpan<byte> section, out PartView part)
    {
        part = Root;
        while (!section.IsEmpty)
        {
            if (!TryNumber(ref section, out var number)) return false;
            if (part.Kind == PartKind.Multipart)
            {
                if (!part.TryChild(number, out part)) return false;
            }
            else if (number != 1)
            {
                return false; // the body of a message that is not multipart is its only part
            }
            if (section.IsEmpty) return true;
            if (part.Kind == PartKind.Leaf) return false;
            if (part.Kind == PartKind.Message) part = part.FirstChild; // the numbers that follow are those of the enclosed message
        }
        return true;
    }

    private static bool TryNumber(ref ReadOnlySpan<byte> section, out int number)
    {
        var dot = section.IndexOf((byte)'.');
        var digits = dot < 0 ? section : section[..dot];
        if (!System.Buffers.Text.Utf8Parser.TryParse(digits, out number, out var used) || used != digits.Length || number < 1) return false;
        section = dot < 0 ? default : section[(dot + 1)..];
        return dot < 0 || !section.IsEmpty;
    }
}
