using System.Numerics;

namespace Posthorn.Smtp;

/// <summary>Why a message cannot be taken as it was sent.</summary>
internal enum DataFault : byte
{
    None,
    BareCr,
    BareLf,
    Nul,
}

/// <summary>Finds the end of a message and takes the stuffed dots out of it (RFC 5321 §4.5.2), octets in, octets out.</summary>
/// <remarks>
/// Only CRLF "." CRLF ends a message (§4.1.1.4): each CR is followed by LF and each LF preceded by CR, or the message has a fault; it is
/// read to its end all the same. Nearly everything is plain text, which is checked and copied in whole vectors; only what stands at a line's
/// dot, at a fault or at a cut is looked at one by one.
/// </remarks>
internal struct DataDecoder
{
    private Place _at;

    private enum Place : byte
    {
        /// <summary>Behind CRLF, or behind DATA's own.</summary>
        LineStart,
        Text,
        Cr,

        /// <summary>Behind the dot that begins a line, which is not part of the message.</summary>
        Dot,
        DotCr,
    }

    /// <summary>The end was read: nothing behind it is consumed.</summary>
    public bool Ended { get; private set; }

    /// <summary>The first one.</summary>
    public DataFault Fault { get; private set; }

    /// <summary>Decodes until the source or the destination or the message ends.</summary>
    public void Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int consumed, out int written)
    {
        (consumed, written) = (0, 0);
        while (consumed < source.Length && written < destination.Length && !Ended)
        {
            if (_at == Place.LineStart && source[consumed] != '.') _at = Place.Text;
            if (_at == Place.Text)
            {
                var room = Math.Min(source.Length - consumed, destination.Length - written);
                var plain = PlainOctets(source.Slice(consumed, room));
                if (plain > 0)
                {
                    source.Slice(consumed, plain).CopyTo(destination[written..]);
                    consumed += plain;
                    written += plain;
                    _at = source[consumed - 1] switch
                    {
                        (byte)'\r' => Place.Cr,
                        (byte)'\n' => Place.LineStart,
                        _ => Place.Text,
                    };
                    continue;
                }
            }
            if (Step(source[consumed])) destination[written++] = source[consumed];
            consumed++;
        }
    }

    // True when the octet is part of the message.
    private bool Step(byte octet)
    {
        switch (_at)
        {
            case Place.LineStart when octet == '.':
                _at = Place.Dot;
                return false;
            case Place.Cr when octet == '\n':
                _at = Place.LineStart;
                return true;
            case Place.Dot when octet == '\r':
                _at = Place.DotCr;
                return false;
            case Place.DotCr when octet == '\n':
                Ended = true;
                return false;
            case Place.Cr or Place.DotCr:
                Blame(DataFault.BareCr);
                break;
        }
        if (octet == '\n') Blame(DataFault.BareLf);
        if (octet == 0) Blame(DataFault.Nul);
        _at = octet == '\r' ? Place.Cr : Place.Text;
        return true;
    }

    private void Blame(DataFault fault)
    {
        if (Fault == DataFault.None) Fault = fault;
    }

    // How many octets at the start are text and whole line ends without a dot behind them; the octet before them was no CR.
    // The last two are never among them: what follows is not known.
    private static int PlainOctets(ReadOnlySpan<byte> octets)
    {
        if (octets[0] == '\n') return 0;
        var at = 0;
        var (cr, lf, dot) = (new Vector<byte>((byte)'\r'), new Vector<byte>((byte)'\n'), new Vector<byte>((byte)'.'));
        for (; at + 2 + Vector<byte>.Count <= octets.Length; at += Vector<byte>.Count)
        {
            var isCr = Vector.Equals(new Vector<byte>(octets[at..]), cr);
            var isLfNext = Vector.Equals(new Vector<byte>(octets[(at + 1)..]), lf);
            var isDotThen = Vector.Equals(new Vector<byte>(octets[(at + 2)..]), dot);
            var isNul = Vector.Equals(new Vector<byte>(octets[at..]), Vector<byte>.Zero);
            if (((isCr ^ isLfNext) | (isCr & isDotThen) | isNul) != Vector<byte>.Zero) break;
        }
        while (at + 2 < octets.Length && IsPlain(octets[at], octets[at + 1], octets[at + 2])) at++;
        return at;
    }

    private static bool IsPlain(byte octet, byte next, byte then) =>
        (octet == '\r') == (next == '\n') && !(octet == '\r' && then == '.') && octet != 0;
}
