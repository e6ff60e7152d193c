using System.Text;
using Posthorn.Trust;

namespace Posthorn.Fuzz;

/// <summary>A DMARC record as a domain publishes it.</summary>
/// <remarks>Oracle: what was read is written in another order and reads the same; values stay within their ranges.</remarks>
internal sealed class DmarcTarget : Target
{
    public override string Name => "dmarc";

    public override IReadOnlyList<string> Words { get; } =
    [
        "v=DMARC1", "v = DMARC1 ", ";", "; ", "p=", "sp=", "np=", "none", "quarantine", "reject", "Reject", "adkim=", "aspf=", "r", "s", "t=",
            "y", "n", "u", "psd=",
        "pct=", "0", "50", "100", "101", "-1", "99999999999", "fo=1:d:s", "rua=", "ruf=", "mailto:a@example.org", ",", "!10m", "https://x.test/",
            "rf=afrf",
        "ri=86400", "x_1=", "=", " ", "\t", "\u00E9", "\0",
    ];

    public override IReadOnlyList<ParserSource> Parser { get; } =
        [new("src/Trust/Dmarc/DmarcRecord.cs"), new("src/Trust/Signatures/TagList.cs", "TryParse", "Take")];

    public override void Run(ReadOnlyMemory<byte> input)
    {
        var text = Encoding.Latin1.GetString(input.Span);
        if (!DmarcRecord.TryParse(text, out var record)) return;
        Oracle.Holds(DmarcRecord.IsDmarc(text), "what parses is a record of DMARC");
        Oracle.Holds(record.Percent is >= 0 and <= 100, "the percentage is one");
        Oracle.Holds(Enum.IsDefined(record.Policy), "the policy is one");
        Oracle.Holds(text.Contains("reject", StringComparison.OrdinalIgnoreCase) || record.Policy != DmarcPolicy.Reject, "nobody is refused unasked");
        var written = Write(record);
        Oracle.Holds(DmarcRecord.TryParse(written, out var again), $"what is written parses: {Oracle.Shown(written)}");
        Oracle.Same(written, Write(again!), "what is written parses to the same");
        // A tag that nobody knows changes nothing.
        if (!text.Contains("zz", StringComparison.Ordinal) && !text.TrimEnd(' ', '\t', '\r', '\n').EndsWith(';'))
        {
            Oracle.Holds(text.Count(c => c == ';') > 60 || DmarcRecord.TryParse(text + "; zz=1", out again), "a tag more is no fault");
            if (again is not null) Oracle.Same(written, Write(again), "a tag more changes nothing");
        }
    }

    private static string Write(DmarcRecord record)
    {
        var text = new StringBuilder("v=DMARC1");
        if (record.SubdomainPolicy is { } below) text.Append(";sp=").Append(below);
        if (record.NonExistentPolicy is { } missing) text.Append("; np=").Append(missing);
        text.Append(" ; p=").Append(record.Policy);
        text.Append("; adkim=").Append(record.StrictDkim ? 's' : 'r').Append("; aspf=").Append(record.StrictSpf ? 's' : 'r');
        text.Append("; t=").Append(record.IsTesting ? 'y' : 'n').Append("; pct=").Append(record.Percent);
        text.Append("; psd=").Append(record.PublicSuffix switch { DmarcSuffix.Yes => 'y', DmarcSuffix.No => 'n', _ => 'u' });
        text.Append("; fo=").Append(record.FailureOptions);
        if (record.AggregateUris.Count > 0) text.Append("; rua=").AppendJoin(',', record.AggregateUris);
        if (record.FailureUris.Count > 0) text.Append("; ruf=").AppendJoin(',', record.FailureUris);
        return text.Append(';').ToString();
    }
}
