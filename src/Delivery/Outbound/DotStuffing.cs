using System.Buffers;
using Posthorn.Core;

namespace Posthorn.Delivery;

/// <summary>The transparency of RFC 5321 §4.5.2, over a message that comes in pieces.</summary>
/// <remarks>A CR or LF that stands alone becomes a line end: RFC 5321 §2.3.8 forbids to send one, and servers that take it for a line end
/// would see commands where we see text.</remarks>
internal struct DotStuffing
{
    private static readonly SearchValues<byte> LineEnds = SearchValues.Create("\r\n"u8);

    private readonly bool _isCounted; // BDAT tells the length, so no dot ends anything
    private bool _inLine; // the last octet was none of a line end
    private bool _afterCr;

    private DotStuffing(bool isCounted) => _isCounted = isCounted;

    /// <summary>For BDAT (RFC 3030 §2): line ends are mended, dots are left as they are.</summary>
    public static DotStuffing ForChunks => new(isCounted: true);

    public void Write(ref WireWriter output, ReadOnlySpan<byte> piece)
    {
        while (!piece.IsEmpty)
        {
            if (_afterCr)
            {
                _afterCr = false;
                if (piece[0] == '\n') piece = piece[1..];
                continue;
            }
            if (!_inLine && !_isCounted && piece[0] == '.') output.Byte((byte)'.');
            var end = piece.IndexOfAny(LineEnds);
            if (end < 0)
            {
                output.Raw(piece);
                _inLine = true;
                return;
            }
            output.Raw(piece[..end]);
            output.CrLf();
            _inLine = false;
            _afterCr = piece[end] == '\r';
            piece = piece[(end + 1)..];
        }
    }

    /// <summary>The end of the message: its last line is ended when it was not.</summary>
    public readonly void End(ref WireWriter output)
    {
        if (_inLine) output.CrLf();
        output.Raw(".\r\n"u8);
    }
}
