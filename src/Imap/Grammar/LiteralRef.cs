namespace Posthorn.Imap;

/// <summary>A literal of a command: its octets, or the number under which the command loop has staged it.</summary>
internal readonly struct LiteralRef
{
    private LiteralRef(byte[]? octets, int number, bool isBinary) => (Octets, Number, IsBinary) = (octets, number, isBinary);

    /// <summary>None when the literal was staged.</summary>
    public byte[]? Octets { get; }

    /// <summary>The place among the staged literals of the command.</summary>
    public int Number { get; }

    /// <summary>literal8 (RFC 3516 §4.4): octets may be zero.</summary>
    public bool IsBinary { get; }

    public static LiteralRef InMemory(byte[] octets, bool isBinary) => new(octets, -1, isBinary);

    public static LiteralRef Staged(int number, bool isBinary) => new(null, number, isBinary);
}
