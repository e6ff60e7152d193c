namespace Posthorn.Trust;

/// <summary>What a report from somewhere may cost. What is past a limit makes the report be refused; nothing of it is kept then.</summary>
internal static class ReportLimits
{
    /// <summary>Octets of the whole message; RFC 7489 §7.2.1.1 lets a domain ask for less, and reporters cut there.</summary>
    public const int MessageOctetsMax = 12 * 1024 * 1024;

    /// <summary>Octets of a report without its compression.</summary>
    public const int UnpackedOctetsMax = 16 * 1024 * 1024;

    /// <summary>Parts of a message that are looked at for a report.</summary>
    public const int PartsMax = 32;

    /// <summary>Rows of an aggregate report, and failure details of a TLS report.</summary>
    public const int RecordsMax = 20_000;

    /// <summary>Signatures, SPF results and reasons of one row.</summary>
    public const int ResultsPerRecordMax = 16;

    /// <summary>Policies of a TLS report, and strings of one of them.</summary>
    public const int PoliciesMax = 1_000;

    /// <summary>Characters of one value; a longer one is cut.</summary>
    public const int ValueCharsMax = 500;

    /// <summary>Elements, objects or arrays inside of each other.</summary>
    public const int DepthMax = 32;

    /// <summary>Octets that are no UTF-8 and are passed over in XML, where large reporters have had some.</summary>
    public const int BadOctetsMax = 16;

    /// <summary>Reports about one domain in a day, refused ones included.</summary>
    public const int ReportsPerDayMax = 5_000;

    /// <summary>Rows that one action writes.</summary>
    public const int RowsPerAction = 1_000;

    /// <summary>The time that a report may span; they are daily, some reporters send a week.</summary>
    public static readonly TimeSpan SpanMax = TimeSpan.FromDays(35);

    /// <summary>How far a clock elsewhere may be ahead.</summary>
    public static readonly TimeSpan SkewMax = TimeSpan.FromDays(1);

    /// <summary>How long reports are kept, and how old one may be.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(400);

    /// <summary>Octets of the header that a failure report shows.</summary>
    public const int ReportedHeaderOctetsMax = 16 * 1024;
}
