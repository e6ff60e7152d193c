using System.Text;
using Posthorn.Mime;

namespace Posthorn.Fuzz;

/// <summary>Address lists of headers: parsed, written as RFC 5322 wants them, parsed again.</summary>
internal static class AddressLists
{
    /// <param name="value">Unfolded.</param>
    public static void Check(ReadOnlySpan<byte> value)
    {
        var parsed = Parse(value);
        Oracle.Holds(parsed.Length <= (8 * value.Length) + 8, "an address list does not grow when it is parsed");
        var written = Write(parsed);
        if (written is null) return;
        var again = Parse(written);
        Oracle.Same(Shown(parsed), Shown(again), "an address list that is written parses to the same");
    }

    private static byte[] Parse(ReadOnlySpan<byte> value)
    {
        var output = new PackedWriter();
        AddressParser.Parse(value, output, MimeLimits.EnvelopeOctetsMax);
        return output.ToArray();
    }

    // Null for a list that only a lenient reader can make: a host with marks in it, a mailbox that is none.
    private static byte[]? Write(byte[] packed)
    {
        var text = new List<byte>();
        var separator = "";
        var inGroup = false;
        foreach (var address in new AddressList(packed))
        {
            if (address.IsGroupEnd)
            {
                Oracle.Holds(inGroup, "a group that ends has begun");
                inGroup = false;
                text.AddRange(";"u8);
                separator = ",";
                continue;
            }
            text.AddRange(Encoding.ASCII.GetBytes(separator));
            separator = ",";
            if (address.IsGroupStart)
            {
                Oracle.Holds(!inGroup, "no group begins inside another");
                inGroup = true;
                if (address.Mailbox.Octets.IsEmpty) return null;
                Quoted(text, address.Mailbox.Octets);
                text.AddRange(":"u8);
                separator = "";
                continue;
            }
            if (!IsPlain(address.Host.Octets) || !IsPlainRoute(address.Route)) return null;
            if (!address.Name.IsNil) Quoted(text, address.Name.Octets);
            text.AddRange("<"u8);
            if (!address.Route.IsNil) text.AddRange([.. address.Route.Octets, (byte)':']);
            Quoted(text, address.Mailbox.Octets);
            if (!address.Host.Octets.IsEmpty) text.AddRange([(byte)'@', .. address.Host.Octets]);
            text.AddRange(">"u8);
        }
        Oracle.Holds(!inGroup, "a group that begins ends");
        return [.. text];
    }

    private static void Quoted(List<byte> text, ReadOnlySpan<byte> value)
    {
        text.Add((byte)'"');
        foreach (var b in value)
        {
            if (b is (byte)'"' or (byte)'\\') text.Add((byte)'\\');
            text.Add(b);
        }
        text.Add((byte)'"');
    }

    private static bool IsPlain(ReadOnlySpan<byte> host)
    {
        if (host.Length > 2 && host[0] == '[' && host[^1] == ']' && host.Length < 256) return !host[1..^1].Contains((byte)']');
        foreach (var b in host)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'-' or (byte)'.' or > 0x7F)) return false;
        }
        return host.IsEmpty || (host[0] != '.' && host[^1] != '.' && host.Length <= 255);
    }

    private static bool IsPlainRoute(PackedText route) =>
        route.IsNil || (route.Octets.Length is > 1 and < 1000 && route.Octets[0] == '@' && route.Octets.IndexOfAny(":> \t"u8) < 0);

    private static string Shown(byte[] packed)
    {
        var text = new StringBuilder();
        foreach (var a in new AddressList(packed))
        {
            text.Append('(').AppendJoin(' ', One(a.Name), One(a.Route), One(a.Mailbox), One(a.Host)).Append(')');
        }
        return text.ToString();
    }

    private static string One(PackedText value) => value.IsNil ? "NIL" : "'" + Encoding.Latin1.GetString(value.Octets) + "'";
}
