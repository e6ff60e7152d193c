using System.Numerics;

namespace Posthorn.Pop3;

/// <summary>Makes lines of a message as they go out (RFC 1939 §3): a dot at a line's beginning is doubled, every line ends with CRLF.</summary>
/// <remarks>
/// A bare LF, which a message appended by a client may hold, becomes CRLF: a client that takes it for a line's end must not read a dot behind it as
/// the end of the message. Nearly everything is plain text, which is checked and copied in whole vectors; only what stands at a line's dot, at a bare
/// LF or at a cut is looked at one by one.
/// </remarks>
internal struct DotStuffer
{
    private Place _at;

    private enum Place : byte
    {
        LineStart,
        Text,
        Cr,
    }

    /// <summary>What was written does not end with a line's end.</summary>
    public readonly bool InLine => _at != Place.LineStart;

    /// <summary>Encodes until the source ends or the destination has no room.</summary>
    /// <param name="destination">At least two octets.</param>
    public void Encode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        (consumed, written) = (0, 0);
        while (consumed < source.Length && destination.Length - written >= 2)
        {
            if (_at == Place.LineStart && source[consumed] is not ((byte)'.' or (byte)'\n')) _at = Place.Text;
            if (_at == Place.Text)
            {
                var room = Math.Min(source.Length - consumed, destination.Length - written);
                var plain = PlainOctets(source.Slice(consumed, room));
                if (plain > 0)
                {
                    source.Slice(consumed, plain).CopyTo(destination[written..]);
                    consumed += plain;
                    written += plain;
                    _at = Behind(source[consumed - 1]);
                    continue;
                }
            }
            var octet = source[consumed++];
            if (_at == Place.LineStart && octet == '.') destination[written++] = (byte)'.';
            if (_at != Place.Cr && octet == '\n') destination[written++] = (byte)'\r';
            destination[written++] = octet;
            _at = Behind(octet);
        }
    }

    private static Place Behind(byte octet) => octet switch
    {
        (byte)'\n' => Place.LineStart,
        (byte)'\r' => Place.Cr,
        _ => Place.Text,
    };

    // How many octets at the start go out as they are; the octet before them was no CR. The last two are never among them: what follows is not known.
    private static int PlainOctets(ReadOnlySpan<byte> octets)
    {
        if (octets[0] == '\n') return 0;
        var at = 0;
        var (cr, lf, dot) = (new Vector<byte>((byte)'\r'), new Vector<byte>((byte)'\n'), new Vector<byte>((byte)'.'));
        for (; at + 2 + Vector<byte>.Count <= octets.Length; at += Vector<byte>.Count)
        {
            var isNoCr = Vector.OnesComplement(Vector.Equals(new Vector<byte>(octets[at..]), cr));
            var isLfNext = Vector.Equals(new Vector<byte>(octets[(at + 1)..]), lf);
            var isDotThen = Vector.Equals(new Vector<byte>(octets[(at + 2)..]), dot);
            if ((isLfNext & (isNoCr | isDotThen)) != Vector<byte>.Zero) break;
        }
        while (at + 2 < octets.Length && !(octets[at + 1] == '\n' && (octets[at] != '\r' || octets[at + 2] == '.'))) at++;
        return at;
    }
}
