using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Posthorn.Dns;

/// <summary>Reads a master file (RFC 1035 §5.1, RFC 2308 §4 $TTL).</summary>
/// <remarks>The types that mail asks for are understood, the others are kept as written. No SOA is needed, and the origin
/// is the root until $ORIGIN says otherwise.</remarks>
internal sealed class ZoneParser
{
    private const int StringOctetsMax = 255; // RFC 1035 §3.3

    private static readonly TimeSpan TtlUnlessSaid = TimeSpan.FromHours(1);

    // Of these only that they are there matters.
    private static readonly HashSet<string> OtherTypes = new(StringComparer.Ordinal)
    {
        "SOA", "SMIMEA", "CAA", "HINFO", "RP", "NAPTR", "DNAME", "SSHFP", "DS", "DNSKEY", "RRSIG", "NSEC", "NSEC3", "NSEC3PARAM",
        "CDS", "CDNSKEY", "SPF", "LOC", "SVCB", "HTTPS", "URI", "OPENPGPKEY",
    };

    private readonly ZoneLexer _lexer;
    private readonly List<ZoneRecord> _records = [];
    private readonly Dictionary<string, int> _aliases = []; // owners of CNAMEs and their lines
    private string _origin = "";
    private string? _owner;
    private TimeSpan _ttl = TtlUnlessSaid;
    private ZoneFault? _fault;

    private ZoneParser(string text) => _lexer = new(text);

    public static bool TryParse(string text, [NotNullWhen(true)] out Zone? zone, out ZoneFault fault)
    {
        var parser = new ZoneParser(text);
        while (parser._fault is null && parser._lexer.NextEntry()) parser.ReadEntry();
        parser._fault ??= parser._lexer.Fault ?? parser.AliasWithCompany();
        fault = parser._fault ?? default;
        zone = parser._fault is null ? new Zone(parser._records) : null;
        return zone is not null;
    }

    private void ReadEntry()
    {
        var tokens = _lexer.Tokens;
        if (tokens[0] is { Quoted: false, Text: ['$', ..] } directive) ReadDirective(directive, tokens);
        else ReadRecord(tokens);
    }

    private void ReadDirective(ZoneToken directive, List<ZoneToken> tokens)
    {
        switch (directive.Text.ToUpperInvariant())
        {
            case "$ORIGIN" when tokens.Count == 2:
                if (TryName(tokens[1], out var origin)) _origin = origin;
                break;
            case "$TTL" when tokens.Count == 2:
                if (TryTtl(tokens[1].Text, out var ttl)) _ttl = ttl;
                else Wrong(tokens[1], $"'{tokens[1].Text}' is no TTL");
                break;
            case "$ORIGIN" or "$TTL":
                Wrong(directive, $"{directive.Text} takes one value");
                break;
            default:
                Wrong(directive, $"{directive.Text} is not understood here, only $ORIGIN and $TTL");
                break;
        }
    }

    // [owner] [TTL] [class] type data, with TTL and class in either order.
    private void ReadRecord(List<ZoneToken> tokens)
    {
        var next = 0;
        if (!_lexer.OwnerOmitted)
        {
            if (!TryName(tokens[next++], out var owner)) return;
            _owner = owner;
        }
        var ttl = _ttl;
        while (next < tokens.Count && !tokens[next].Quoted)
        {
            if (TryTtl(tokens[next].Text, out var said)) ttl = said;
            else if (!tokens[next].Text.Equals("IN", StringComparison.OrdinalIgnoreCase)) break;
            next++;
        }
        if (_owner is null)
        {
            Wrong(tokens[0], "the first record has no owner");
        }
        else if (next == tokens.Count)
        {
            Wrong(tokens[^1], "the record has no type");
        }
        else
        {
            var type = tokens[next].Text.ToUpperInvariant();
            var data = tokens[(next + 1)..];
            if (Value(type, tokens[next], data) is { } value) Add(new ZoneRecord(_owner, type, ttl, value), tokens[0].Line);
            else Wrong(tokens[next], $"the data of this {type} record is wrong");
        }
    }

    private void Add(ZoneRecord record, int line)
    {
        if (record.Type == "CNAME" && !_aliases.TryAdd(record.Owner, line)) Wrong(line, $"{record.Owner} has two CNAMEs");
        _records.Add(record);
    }

    // Null when the data is not what the type asks for.
    private object? Value(string type, ZoneToken typeToken, List<ZoneToken> data)
    {
        switch (type)
        {
            case "A":
                return Address(data, AddressFamily.InterNetwork);
            case "AAAA":
                return Address(data, AddressFamily.InterNetworkV6);
            case "MX":
                return data.Count == 2 && TryUInt16(data[0], out var preference) && TryName(data[1], out var exchange)
                    ? new MxRecord(preference, exchange) : null;
            case "SRV": // RFC 2782
                return data.Count == 4 && TryUInt16(data[0], out var priority) && TryUInt16(data[1], out var weight)
                    && TryUInt16(data[2], out var port) && TryName(data[3], out var host) ? new SrvRecord(priority, weight, port, host) : null;
            case "TLSA":
                return Association(data);
            case "CNAME" or "PTR" or "NS":
                return data.Count == 1 && TryName(data[0], out var target) ? target : null;
            case "TXT":
                return Text(data);
            default:
                if (OtherTypes.Contains(type) || IsNumbered(type)) return string.Join(' ', data.Select(token => token.Text));
                Wrong(typeToken, $"'{typeToken.Text}' is no record type");
                return null;
        }
    }

    private static bool TryUInt16(ZoneToken token, out ushort value) =>
        ushort.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    // RFC 3597 §5: TYPE65280
    private static bool IsNumbered(string type) =>
        type.StartsWith("TYPE", StringComparison.Ordinal) && ushort.TryParse(type.AsSpan(4), NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private static IPAddress? Address(List<ZoneToken> data, AddressFamily family) =>
        data is [{ Quoted: false } only] && (family == AddressFamily.InterNetworkV6 || only.Text.Count(c => c == '.') == 3)
        && IPAddress.TryParse(only.Text, out var address) && address.AddressFamily == family ? address : null;

    // RFC 6698 §2.2: the digits may stand in several words.
    private static TlsaRecord? Association(List<ZoneToken> data)
    {
        if (data.Count < 4) return null;
        if (!TryByte(data[0], out var usage) || !TryByte(data[1], out var selector) || !TryByte(data[2], out var matching)) return null;
        var digits = string.Concat(data.Skip(3).Select(token => token.Text));
        return digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit)
            ? new TlsaRecord(usage, selector, matching, digits.ToLowerInvariant())
            : null;
    }

    private static bool TryByte(ZoneToken token, out byte value) =>
        byte.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out value);

    private static string? Text(List<ZoneToken> data)
    {
        if (data.Count == 0) return null;
        var text = new StringBuilder();
        foreach (var token in data)
        {
            if (ZoneLexer.Unescape(token.Text) is not { } part || Encoding.UTF8.GetByteCount(part) > StringOctetsMax) return null;
            text.Append(part);
        }
        return text.ToString();
    }

    // RFC 1035 §5.1: @ is the origin, a name without a dot at its end is below it.
    private bool TryName(ZoneToken token, out string name)
    {
        var text = token.Text;
        var whole = text == "@" ? _origin : text.EndsWith('.') || _origin.Length == 0 ? text : $"{text}.{_origin}";
        if (!token.Quoted && (text is "." or "@" || (text.Length > 0 && text[0] != '.')) && DnsName.TryNormalize(whole, out name)) return true;
        name = "";
        Wrong(token, $"'{text}' is no name");
        return false;
    }

    // Seconds, or numbers with units as BIND writes them: 1h30m.
    private static bool TryTtl(string text, out TimeSpan ttl)
    {
        ttl = TimeSpan.Zero;
        if (text.Length == 0 || !char.IsAsciiDigit(text[0])) return false;
        var (seconds, number) = (0L, -1L);
        foreach (var c in text)
        {
            if (char.IsAsciiDigit(c))
            {
                number = (Math.Max(number, 0) * 10) + (c - '0');
            }
            else
            {
                var unit = char.ToLowerInvariant(c) switch { 's' => 1, 'm' => 60, 'h' => 3600, 'd' => 86_400, 'w' => 604_800, _ => 0 };
                if (unit == 0 || number < 0) return false;
                seconds += number * unit;
                number = -1;
            }
            if (number > int.MaxValue || seconds > int.MaxValue) return false; // RFC 2181 §8
        }
        seconds += Math.Max(number, 0);
        ttl = TimeSpan.FromSeconds(seconds);
        return seconds <= int.MaxValue;
    }

    // RFC 1034 §3.6.2: where there is a CNAME there is nothing else.
    private ZoneFault? AliasWithCompany()
    {
        var company = _records.Find(r => r.Type is not ("CNAME" or "RRSIG" or "NSEC") && _aliases.ContainsKey(r.Owner));
        return company is null ? null : new ZoneFault(_aliases[company.Owner], $"{company.Owner} has a CNAME and a record of type {company.Type}");
    }

    private void Wrong(ZoneToken token, string reason) => Wrong(token.Line, reason);

    private void Wrong(int line, string reason) => _fault ??= new ZoneFault(line, reason);
}
