namespace Posthorn.Imap;

/// <summary>A literal of a command: its octets, or the number under which the command loop has staged it.</summary>
internal readonly struct LiteralRef
{
    private LiteralRef(byte[]? octets, int number) => (Octets, Number) = (octets, number);

    /// <summary>None when the literal was staged.</summary>
    public byte[]? Octets { get; }

    /// <summary>The place among the staged literals of the command.</summary>
    public int Number { get; }

    public static LiteralRef InMemory(byte[] octets) => new(octets, -1);

    public static LiteralRef Staged(int number) => new(null, number);
}
