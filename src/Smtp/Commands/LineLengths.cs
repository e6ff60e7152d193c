namespace Posthorn.Smtp;

/// <summary>Finds a line that is longer than it may be, in text that passes by in pieces.</summary>
internal struct LineLengths(int octetsMax)
{
    private long _octets; // of the line that is not at its end

    /// <summary>True when a line has more than the octets it may have, its ending included.</summary>
    public bool Exceed(ReadOnlySpan<byte> piece)
    {
        if (piece.IsEmpty) return false;
        // A piece that is no longer than a line may be holds no line that is too long; only the first one has begun before.
        var last = piece.LastIndexOf((byte)'\n');
        if (last < 0)
        {
            _octets += piece.Length;
            return _octets > octetsMax;
        }
        if (_octets + last >= octetsMax && HasLong(piece[..(last + 1)])) return true;
        _octets = piece.Length - last - 1;
        return _octets > octetsMax;
    }

    private readonly bool HasLong(ReadOnlySpan<byte> lines)
    {
        var before = _octets;
        while (!lines.IsEmpty)
        {
            var end = lines.IndexOf((byte)'\n') + 1;
            if (before + end > octetsMax) return true;
            before = 0;
            lines = lines[end..];
        }
        return false;
    }
}
