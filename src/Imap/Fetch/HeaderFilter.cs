using System.Buffers;
using Posthorn.Mime;

namespace Posthorn.Imap;

/// <summary>HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): some fields of a header, as they are, and the empty line.</summary>
internal static class HeaderFilter
{
    /// <param name="header">A header block, with or without the empty line that ends it.</param>
    public static void Apply(ReadOnlySpan<byte> header, IReadOnlyList<byte[]> names, bool not, IBufferWriter<byte> output)
    {
        foreach (var field in HeaderFields.Of(header))
        {
            if (IsNamed(field, names) != not) output.Write(field.Octets);
        }
        output.Write("\r\n"u8);
    }

    private static bool IsNamed(HeaderField field, IReadOnlyList<byte[]> names)
    {
        foreach (var name in names)
        {
            if (!field.Name.IsEmpty && field.Is(name)) return true;
        }
        return false;
    }
}
