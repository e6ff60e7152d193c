using Posthorn.Mime;

namespace Posthorn.Imap;

/// <summary>Where the octets of a section stand in the message as its owner sees it: trace headers first, then the message.</summary>
/// <param name="Start">-1 when the message has no such part: the reply is NIL.</param>
/// <param name="Filter">The octets are a header of which some fields are wanted.</param>
internal readonly record struct SectionPlace(long Start, long Length, bool Filter)
{
    /// <summary>The transfer encoding of a part that may have one; null where the octets are what they say.</summary>
    public string? Encoding { get; init; }

    private static readonly SectionPlace None = new(-1, 0, false);

    public bool IsMissing => Start < 0;

    /// <summary>Finds a section by the stored structure (RFC 9051 §6.4.5.1), without its partial range.</summary>
    /// <param name="prefix">Octets of trace headers before the message that the structure describes.</param>
    /// <param name="length">Octets of both.</param>
    public static SectionPlace Of(BodySection section, StructureView structure, int prefix, long length)
    {
        var filter = section.Text is SectionText.HeaderFields or SectionText.HeaderFieldsNot;
        if (section.Part.Length == 0)
        {
            var root = structure.Root;
            return section.Text switch
            {
                SectionText.Whole => new SectionPlace(0, length, false),
                SectionText.Text => new SectionPlace(prefix + root.BodyStart, root.Octets, false),
                _ => new SectionPlace(0, prefix + root.HeaderLength, filter),
            };
        }
        if (!structure.TryFind(section.Part, out var part)) return None;
        if (section.Text == SectionText.Whole)
        {
            var isDecoded = section.Coding != SectionCoding.AsStored && part.Kind == PartKind.Leaf;
            var encoding = isDecoded ? System.Text.Encoding.ASCII.GetString(part.Encoding) : null;
            return new SectionPlace(prefix + part.BodyStart, part.Octets, false) { Encoding = encoding };
        }
        if (section.Text == SectionText.Mime) return new SectionPlace(prefix + part.HeaderStart, part.HeaderLength, false);
        // HEADER and TEXT are those of an enclosed message; another part has none.
        if (part.Kind != PartKind.Message) return None;
        var message = part.FirstChild;
        return section.Text == SectionText.Text
            ? new SectionPlace(prefix + message.BodyStart, message.Octets, false)
            : new SectionPlace(prefix + message.HeaderStart, message.HeaderLength, filter);
    }
}
