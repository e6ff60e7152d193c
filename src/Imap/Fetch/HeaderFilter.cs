using System.Buffers;

namespace Posthorn.Imap;

/// <summary>HEADER.FIELDS and HEADER.FIELDS.NOT (RFC 9051 §6.4.5.1): some fields of a header, as they are, and the empty line.</summary>
internal static class HeaderFilter
{
    /// <param name="header">A header block, with or without the empty line that ends it.</param>
    public static void Apply(ReadOnlySpan<byte> header, IReadOnlyList<byte[]> names, bool not, IBufferWriter<byte> output)
    {
        while (!header.IsEmpty)
        {
            var length = FieldLength(header);
            var field = header[..length];
            header = header[length..];
            if (field[0] is (byte)'\r' or (byte)'\n') break;
            if (IsNamed(field, names) != not) output.Write(field);
        }
        output.Write("\r\n"u8);
    }

    /// <summary>A field with the lines folded into it.</summary>
    public static int FieldLength(ReadOnlySpan<byte> header)
    {
        var length = 0;
        do
        {
            var end = header[length..].IndexOf((byte)'\n');
            if (end < 0) return header.Length;
            length += end + 1;
        }
        while (length < header.Length && header[length] is (byte)' ' or (byte)'\t');
        return length;
    }

    /// <summary>The name before the colon, without the white space that obsolete syntax allows there (RFC 5322 §4.5).</summary>
    public static ReadOnlySpan<byte> NameOf(ReadOnlySpan<byte> field)
    {
        var colon = field.IndexOf((byte)':');
        return colon < 0 ? default : field[..colon].TrimEnd(" \t"u8);
    }

    private static bool IsNamed(ReadOnlySpan<byte> field, IReadOnlyList<byte[]> names)
    {
        var name = NameOf(field);
        if (name.IsEmpty) return false;
        foreach (var wanted in names)
        {
            if (System.Text.Ascii.EqualsIgnoreCase(name, wanted)) return true;
        }
        return false;
    }
}
