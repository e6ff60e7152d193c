using System.Globalization;
using System.Net;
using System.Text;
using Posthorn.Dns;

namespace Posthorn.Fuzz;

/// <summary>A master file, as an operator names one for tests.</summary>
/// <remarks>
/// Oracles: the records that were read are written and read to the same; a fault names a line of the file; any question is answered.
/// </remarks>
internal sealed class ZoneTarget : Target
{
    public override string Name => "zone";

    public override IReadOnlyList<string> Words { get; } =
    [
        "$ORIGIN example.org.\n", "$TTL 1h30m\n", "$INCLUDE x\n", "@", " IN ", " A 192.0.2.1\n", " AAAA 2001:db8::1\n",
        " MX 10 mx\n", " TXT \"v=spf1 -all\" \"x\"\n", " CNAME mx\n", " NS ns\n", " PTR mx.example.org.\n",
        " SOA ns h (1 2 3 4 5)\n", " TYPE65280 x\n", " SRV 0 0 1 a.\n", "a.", "*.", "mx", "_dmarc", "a.b.c.", "(", ")",
        "\"", ";", "\\", "\\059", "\\\"", "\\195\\169", "\n", "\r\n", "\t", " ", "\n ", "3600 ", "1w2d", "99999999999",
        "\u00C3\u00A9", "CNAME",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
    [
        new("src/Dns/ZoneLexer.cs"), new("src/Dns/ZoneParser.cs"), new("src/Dns/Zone.cs"),
        new("src/Dns/DnsName.cs", "TryNormalize", "Parent"),
    ];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.UTF8.GetString(input.Span);
        if (!ZoneParser.TryParse(text, out var zone, out var fault))
        {
            Oracle.Holds(fault.Line >= 1 && fault.Line <= text.Count(c => c == '\n') + 1, "a fault names a line of the file");
            Oracle.Holds(fault.Reason.Length > 0, "a fault has a reason");
            return;
        }
        var records = zone.Records.ToList();
        Oracle.Holds(records.Count == zone.Count, "a zone knows how many records it has");
        foreach (var record in records) Ask(zone, record);
        // Data of types that are not understood keeps its escapes; where its words began cannot be told any more.
        if (records.Any(r => r.Type != "TXT" && r.Value is string raw && raw.Contains('\\', StringComparison.Ordinal))) return;
        var written = Write(records, inParentheses: false);
        foreach (var form in (string[])[written, Write(records, inParentheses: true)])
        {
            Oracle.Holds(ZoneParser.TryParse(form, out var again, out _), "a zone that is written parses");
            Oracle.Same(written, Write(again!.Records, inParentheses: false), "a zone that is written parses to the same");
        }
    }

    private static void Ask(Zone zone, ZoneRecord record)
    {
        Oracle.Holds(!record.Owner.Any(char.IsAsciiLetterUpper) && !record.Owner.EndsWith('.'), "an owner is a name in its normal form");
        var status = record.Type switch
        {
            "A" or "AAAA" => zone.Ask<IPAddress>(record.Owner, record.Type).Status,
            "MX" => zone.Ask<MxRecord>(record.Owner, record.Type).Status,
            "SRV" => zone.Ask<SrvRecord>(record.Owner, record.Type).Status,
            "TLSA" => zone.Ask<TlsaRecord>(record.Owner, record.Type).Status,
            _ => zone.Ask<string>(record.Owner, record.Type).Status,
        };
        Oracle.Holds(status == DnsStatus.Ok, "a record is found by its owner and type");
        var missing = zone.Ask<string>("nobody." + record.Owner, "TXT");
        Oracle.Holds(missing.Status == DnsStatus.Ok == missing.Records.Count > 0, "an answer that is none has no records");
    }

    // The second way of writing a record has it on two lines with a comment between them.
    private static string Write(IEnumerable<ZoneRecord> records, bool inParentheses)
    {
        var (open, close) = inParentheses ? ("( ; \"(\n ", " )") : ("", "");
        var text = new StringBuilder();
        foreach (var record in records)
        {
            // Behind $ORIGIN, since a line that begins with a dollar sign is no record.
            text.Append(CultureInfo.InvariantCulture, $"$ORIGIN {record.Owner}.\n@ {record.Ttl.TotalSeconds} ");
            text.Append(CultureInfo.InvariantCulture, $"{open}IN {record.Type} {Value(record)}{close}\n");
        }
        return text.ToString();
    }

    private static string Value(ZoneRecord record) => record.Value switch
    {
        MxRecord mx => string.Create(CultureInfo.InvariantCulture, $"{mx.Preference} {mx.Exchange}."),
        SrvRecord srv => string.Create(CultureInfo.InvariantCulture, $"{srv.Priority} {srv.Weight} {srv.Port} {srv.Target}."),
        string txt when record.Type == "TXT" => Strings(txt),
        string name when record.Type is "CNAME" or "PTR" or "NS" => name + ".",
        string other => QuotedWords(other),
        _ => record.Value.ToString()!,
    };

    // In pieces of less than 255 octets, each octet that is no plain letter as its number.
    private static string Strings(string text) => text.Length == 0 ? "\"\"" : string.Join(' ', text.EnumerateRunes().Chunk(60).Select(Quoted));

    private static string Quoted(Rune[] piece)
    {
        var octets = Encoding.UTF8.GetBytes(string.Concat(piece));
        return "\"" + string.Concat(octets.Select(b => char.IsAsciiLetterOrDigit((char)b) ? $"{(char)b}" : $"\\{b:D3}")) + "\"";
    }

    // Data of other types is kept as its words, which may have been quoted.
    private static string QuotedWords(string data) => string.Join(' ', data.Split(' ').Select(word => $"\"{word}\""));
}
