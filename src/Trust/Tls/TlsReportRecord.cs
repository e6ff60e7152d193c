namespace Posthorn.Trust;

/// <summary>The record by which a domain asks for TLS reports (RFC 8460 §3).</summary>
internal static class TlsReportRecord
{
    private const string Version = "v=TLSRPTv1";
    private const int DestinationsMax = 5;

    /// <summary>Where the reports go, when exactly one of the records at <c>_smtp._tls</c> asks for them.</summary>
    public static IReadOnlyList<ReportUri> DestinationsOf(IReadOnlyList<string> records)
    {
        string? found = null;
        foreach (var record in records)
        {
            if (!record.StartsWith(Version, StringComparison.Ordinal)) continue;
            var rest = record.AsSpan(Version.Length).TrimStart(" \t");
            if (rest.IsEmpty || rest[0] != ';') continue;
            if (found is not null) return []; // §3: several are as good as none
            found = rest[1..].ToString();
        }
        foreach (var field in (found ?? "").Split(';', StringSplitOptions.TrimEntries))
        {
            if (field.StartsWith("rua=", StringComparison.Ordinal)) return ReportUri.ParseList(field["rua=".Length..], DestinationsMax);
        }
        return [];
    }
}
