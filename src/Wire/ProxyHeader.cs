using System.Buffers;
using System.Buffers.Binary;
using System.Buffers.Text;
using System.Net;
using System.Text;

namespace Posthorn.Wire;

/// <summary>Whether a PROXY header stands at the start of what has arrived.</summary>
internal enum ProxyHeaderStatus
{
    /// <summary>So far it could become one.</summary>
    Incomplete,

    /// <summary>It is there.</summary>
    Complete,

    /// <summary>It cannot become one.</summary>
    Invalid,
}

/// <summary>The header of the PROXY protocol, version 1 (text) or 2 (binary), as HAProxy's specification defines it.</summary>
/// <param name="Source">The client; null for a connection of the proxy's own (LOCAL, UNKNOWN): then the socket's addresses hold.</param>
/// <param name="Destination">Where the client connected to.</param>
/// <param name="Octets">The header's own length.</param>
internal readonly record struct ProxyHeader(IPEndPoint? Source, IPEndPoint? Destination, int Octets)
{
    /// <summary>The longest header that is read: version 2 with TLVs that we skip. Version 1 has at most 107 octets.</summary>
    public const int OctetsMax = 4096;

    private const int TextOctetsMax = 107;
    private const int FixedOctets = 16;

    private static readonly SearchValues<byte> AddressOctets = SearchValues.Create("0123456789abcdefABCDEF.:"u8);

    private static ReadOnlySpan<byte> Signature => [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A];

    /// <param name="input">What has arrived; at most <see cref="OctetsMax"/> of it are looked at.</param>
    public static ProxyHeaderStatus TryParse(in ReadOnlySequence<byte> input, out ProxyHeader header)
    {
        header = default;
        var start = input.IsSingleSegment ? input.FirstSpan : input.Slice(0, Math.Min(input.Length, OctetsMax)).ToArray();
        if (start.IsEmpty) return ProxyHeaderStatus.Incomplete;
        return start[0] == Signature[0] ? TryBinary(start, out header) : TryText(start, out header);
    }

    private static ProxyHeaderStatus TryBinary(ReadOnlySpan<byte> start, out ProxyHeader header)
    {
        header = default;
        var signed = Math.Min(start.Length, Signature.Length);
        if (!start[..signed].SequenceEqual(Signature[..signed])) return ProxyHeaderStatus.Invalid;
        if (start.Length < FixedOctets) return ProxyHeaderStatus.Incomplete;
        var (version, command, family) = (start[12] >> 4, start[12] & 0xF, start[13]);
        var length = FixedOctets + BinaryPrimitives.ReadUInt16BigEndian(start[14..]);
        if (version != 2 || command > 1 || length > OctetsMax) return ProxyHeaderStatus.Invalid;
        if (start.Length < length) return ProxyHeaderStatus.Incomplete;
        var body = start[FixedOctets..length];
        header = new ProxyHeader(null, null, length);
        if (command == 0) return ProxyHeaderStatus.Complete; // LOCAL: a health check of the proxy itself
        switch (family)
        {
            case 0x11: // TCP over IPv4
                return TryAddresses(body, 4, ref header) ? ProxyHeaderStatus.Complete : ProxyHeaderStatus.Invalid;
            case 0x21: // TCP over IPv6
                return TryAddresses(body, 16, ref header) ? ProxyHeaderStatus.Complete : ProxyHeaderStatus.Invalid;
            case 0x00:
                return ProxyHeaderStatus.Complete;
            default: // datagrams and Unix sockets do not carry mail here
                return ProxyHeaderStatus.Invalid;
        }
    }

    private static bool TryAddresses(ReadOnlySpan<byte> body, int octets, ref ProxyHeader header)
    {
        if (body.Length < (2 * octets) + 4) return false;
        header = header with
        {
            Source = new IPEndPoint(
                new IPAddress(body[..octets]), BinaryPrimitives.ReadUInt16BigEndian(body[(2 * octets)..])),
            Destination = new IPEndPoint(
                new IPAddress(body.Slice(octets, octets)), BinaryPrimitives.ReadUInt16BigEndian(body[((2 * octets) + 2)..])),
        };
        return true;
    }

    // "PROXY" SP ("TCP4" | "TCP6") SP source SP destination SP port SP port CRLF, or "PROXY UNKNOWN" … CRLF
    private static ProxyHeaderStatus TryText(ReadOnlySpan<byte> start, out ProxyHeader header)
    {
        header = default;
        var prefix = "PROXY "u8;
        var common = Math.Min(start.Length, prefix.Length);
        if (!start[..common].SequenceEqual(prefix[..common])) return ProxyHeaderStatus.Invalid;
        var end = start[..Math.Min(start.Length, TextOctetsMax)].IndexOf("\r\n"u8);
        if (end < 0) return start.Length < TextOctetsMax ? ProxyHeaderStatus.Incomplete : ProxyHeaderStatus.Invalid;
        var line = start[prefix.Length..end];
        header = new ProxyHeader(null, null, end + 2);
        if (line.SequenceEqual("UNKNOWN"u8) || line.StartsWith("UNKNOWN "u8)) return ProxyHeaderStatus.Complete;
        Span<Range> words = stackalloc Range[6];
        var count = 0;
        foreach (var word in line.Split((byte)' '))
        {
            if (count == words.Length) return ProxyHeaderStatus.Invalid;
            words[count++] = word;
        }
        if (count != 5) return ProxyHeaderStatus.Invalid;
        var octets = line[words[0]] is var family && family.SequenceEqual("TCP4"u8) ? 4 : family.SequenceEqual("TCP6"u8) ? 16 : 0;
        if (octets == 0
            || !TryAddress(line[words[1]], octets, out var source) || !TryAddress(line[words[2]], octets, out var destination)
            || !TryPort(line[words[3]], out var sourcePort) || !TryPort(line[words[4]], out var destinationPort))
            return ProxyHeaderStatus.Invalid;
        header = new ProxyHeader(new IPEndPoint(source, sourcePort), new IPEndPoint(destination, destinationPort), end + 2);
        return ProxyHeaderStatus.Complete;
    }

    private static bool TryAddress(ReadOnlySpan<byte> text, int octets, out IPAddress address)
    {
        address = IPAddress.None;
        if (text.IsEmpty || text.Length > 45 || text.ContainsAnyExcept(AddressOctets)) return false;
        if (octets == 4 && text.Count((byte)'.') != 3) return false;
        if (!IPAddress.TryParse(Encoding.ASCII.GetString(text), out var parsed)) return false;
        address = parsed;
        return (octets == 4) == (parsed.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);
    }

    private static bool TryPort(ReadOnlySpan<byte> text, out int port) =>
        Utf8Parser.TryParse(text, out port, out var used) && used == text.Length && text.Length <= 5 && port is >= 0 and <= 65535
        && text[0] is >= (byte)'0' and <= (byte)'9';
}
