using System.Buffers;
using System.Text;
using Posthorn.Mime;

namespace Posthorn.Delivery;

/// <summary>Writes fields of a header anew, as rules ask for it.</summary>
internal static class HeaderRewriting
{
    /// <param name="message">The beginning of a message with its whole header.</param>
    /// <param name="fields">Each a name, a colon and a value, in which the first <c>*</c> stands for what was in the field.</param>
    public static ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> message, IReadOnlyList<string> fields)
    {
        foreach (var field in fields) message = Apply(message, field);
        return message;
    }

    // The first field of the name is written anew in its place, others of it go; without one it comes first.
    private static ReadOnlyMemory<byte> Apply(ReadOnlyMemory<byte> message, string field)
    {
        var colon = field.IndexOf(':', StringComparison.Ordinal);
        var name = Encoding.ASCII.GetBytes(field[..colon].TrimEnd());
        var value = field[(colon + 1)..].Trim();
        var output = new ArrayBufferWriter<byte>(message.Length + 256);
        var octets = message.Span;
        var (at, written) = (0, false);
        foreach (var old in HeaderFields.Of(octets))
        {
            if (!old.Is(name)) continue;
            output.Write(octets[at..old.Offset]);
            at = old.Offset + old.Octets.Length;
            if (written) continue;
            written = true;
            Write(output, name, value, old.Value);
        }
        if (written)
        {
            output.Write(octets[at..]);
            return output.WrittenMemory;
        }
        Write(output, name, value, default);
        output.Write(octets);
        return output.WrittenMemory;
    }

    private static void Write(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> name, string value, ReadOnlySpan<byte> old)
    {
        var star = value.IndexOf('*', StringComparison.Ordinal);
        output.Write(name);
        output.Write(": "u8);
        output.Write(Encoding.UTF8.GetBytes(star < 0 ? value : value[..star]));
        if (star >= 0)
        {
            output.Write(old.Trim(" \t\r\n"u8));
            output.Write(Encoding.UTF8.GetBytes(value[(star + 1)..]));
        }
        output.Write("\r\n"u8);
    }
}
