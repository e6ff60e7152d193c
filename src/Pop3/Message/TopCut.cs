namespace Posthorn.Pop3;

/// <summary>Finds where the answer to TOP ends: behind the header, the empty line and so many lines of the body (RFC 1939 §7).</summary>
internal struct TopCut(int lines)
{
    private bool _inBody;
    private int _left = lines;
    private Line _line;

    private enum Line : byte
    {
        Empty,
        OnlyCr,
        Text,
    }

    public bool Ended { get; private set; }

    /// <summary>How many of these octets, from the first on, belong to the answer.</summary>
    public int Take(ReadOnlySpan<byte> octets)
    {
        var taken = 0;
        while (taken < octets.Length && !Ended)
        {
            var rest = octets[taken..];
            var end = rest.IndexOf((byte)'\n');
            var line = end < 0 ? rest : rest[..end];
            if (_line == Line.Empty && line is [(byte)'\r']) _line = Line.OnlyCr;
            else if (!line.IsEmpty) _line = Line.Text;
            if (end < 0) return octets.Length;
            taken += end + 1;
            EndLine();
        }
        return taken;
    }

    private void EndLine()
    {
        if (_inBody) _left--;
        else _inBody = _line != Line.Text;
        Ended = _inBody && _left == 0;
        _line = Line.Empty;
    }
}
