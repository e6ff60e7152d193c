using System.Globalization;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>A report that is due: what it says, packed, and where it goes.</summary>
/// <param name="Domain">Whom it is for.</param>
/// <param name="FileName">As RFC 7489 §7.2.1.1 and RFC 8460 §5.1 want it.</param>
/// <param name="Packed">In gzip.</param>
public sealed record DueReport(
    ReportKind Kind, DateOnly Day, Domain Domain, string ReportId, string FileName, byte[] Packed, IReadOnlyList<ReportUri> Destinations)
{
    public string MediaType => Kind == ReportKind.Tls ? "application/tlsrpt+gzip" : "application/gzip";
}

/// <summary>The reports that we owe to others, each once a day: what is due, for whom, and that it is done.</summary>
/// <param name="organization">The name of this server.</param>
public sealed class OutgoingReports(
    Database db, DmarcBook dmarc, TlsResults tls, Resolver resolver, TimeProvider time, Domain organization)
{
    /// <summary>Octets of a packed report (RFC 7489 §7.2.1.1 and RFC 8460 §5.3: what mail takes without trouble).</summary>
    internal const int PackedOctetsMax = 10 * 1024 * 1024;

    /// <summary>Destinations of one report (RFC 7489 §6.2 asks for two at least).</summary>
    internal const int DestinationsMax = 5;

    private const int TlsRowsMax = 5_000;
    private const int TriesMax = 24; // RFC 8460 §5.4: for a day

    // Not all at midnight (RFC 8460 §4.2): each domain has its own moment within four hours.
    private static readonly TimeSpan Spread = TimeSpan.FromHours(4);
    private static readonly TimeSpan ClaimTime = TimeSpan.FromMinutes(50);

    private enum SentState
    {
        Claimed = 0,
        Done = 1,
    }

    /// <summary>Domains that a report of yesterday is due for, at this moment.</summary>
    public async Task<IReadOnlyList<(ReportKind Kind, Domain Domain)>> DueAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var day = Yesterday(now);
        var due = new List<(ReportKind, Domain)>();
        foreach (var domain in await dmarc.DomainsAsync(day, ct)) due.Add((ReportKind.Aggregate, domain));
        foreach (var domain in await tls.DomainsAsync(day, ct)) due.Add((ReportKind.Tls, domain));
        due.RemoveAll(one => now.TimeOfDay < MomentOf(one.Item2));
        return due;
    }

    /// <summary>Takes a report on; null when somebody else has, it is done, nobody wants it, or there is nothing to tell.</summary>
    /// <param name="contact">Whom the receiver may ask.</param>
    public async Task<DueReport?> TakeAsync(ReportKind kind, Domain domain, EmailAddress contact, CancellationToken ct)
    {
        var day = Yesterday(time.GetUtcNow());
        if (!await db.WriteAsync(tx => Claim(tx, day, kind, domain), ct)) return null;
        var report = kind == ReportKind.Tls ? await TlsAsync(day, domain, contact, ct) : await DmarcAsync(day, domain, contact, ct);
        if (report is null) await DoneAsync(kind, day, domain, ct);
        return report;
    }

    /// <summary>Who gets a failure report: of those that the domain names, the ones that agree to it; addresses of mail only.</summary>
    public async Task<IReadOnlyList<EmailAddress>> RecipientsAsync(FailureNotice notice, CancellationToken ct)
    {
        var found = new List<EmailAddress>();
        foreach (var uri in ReportUri.ParseList(notice.Destinations, DestinationsMax))
        {
            if (uri.Mail is { } mail && await AgreesAsync(notice.Domain, mail.Domain, ct)) found.Add(mail);
        }
        return found;
    }

    /// <summary>It is with everybody who wants it, or with the queue.</summary>
    public ValueTask<int> DoneAsync(ReportKind kind, DateOnly day, Domain domain, CancellationToken ct) => db.WriteAsync(
        tx => tx.Prepare("UPDATE report_sent SET state = $1 WHERE day = $2 AND kind = $3 AND domain = $4")
            .Bind((long)SentState.Done).Bind((long)day.DayNumber).Bind((long)kind).Bind(domain.Ascii).Execute(),
        ct);

    /// <summary>Forgets what is too old to be reported.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        var before = Yesterday(time.GetUtcNow());
        await dmarc.PurgeAsync(before, ct);
        await db.WriteAsync(tx => tx.Prepare("DELETE FROM report_sent WHERE day < $1").Bind((long)before.DayNumber - 7).Execute(), ct);
    }

    private static DateOnly Yesterday(DateTimeOffset now) => DateOnly.FromDateTime(now.UtcDateTime).AddDays(-1);

    private TimeSpan MomentOf(Domain domain)
    {
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(domain.Ascii + " " + organization.Ascii));
        return Spread * (BitConverter.ToUInt16(hash, 0) / (double)ushort.MaxValue);
    }

    private bool Claim(Transaction tx, DateOnly day, ReportKind kind, Domain domain) => tx.Prepare("""
        INSERT INTO report_sent (day, kind, domain, state, tried, tries) VALUES ($1, $2, $3, 0, $4, 1)
        ON CONFLICT (day, kind, domain) DO UPDATE SET tried = excluded.tried, tries = report_sent.tries + 1
            WHERE report_sent.state = 0 AND report_sent.tried < $5 AND report_sent.tries < $6
        """)
        .Bind((long)day.DayNumber).Bind((long)kind).Bind(domain.Ascii).Bind(time.GetUtcNow()).Bind(time.GetUtcNow() - ClaimTime).Bind(TriesMax)
        .Execute() == 1;

    private async Task<DueReport?> DmarcAsync(DateOnly day, Domain domain, EmailAddress contact, CancellationToken ct)
    {
        if (await dmarc.ReportAsync(day, domain, organization.Ascii, contact.ToString(), ct) is not var (report, wanted)) return null;
        var packed = Gzip(AggregateReportWriter.Write(report));
        var destinations = new List<ReportUri>();
        foreach (var uri in ReportUri.ParseList(wanted, DestinationsMax))
        {
            if (uri.Mail is not { } mail || packed.Length > Math.Min(uri.OctetsMax ?? PackedOctetsMax, PackedOctetsMax)) continue;
            if (await AgreesAsync(domain, mail.Domain, ct)) destinations.Add(uri);
        }
        if (destinations.Count == 0) return null;
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{organization.Ascii}!{domain.Ascii}!{report.Begins.ToUnixTimeSeconds()}!{report.Ends.ToUnixTimeSeconds()}.xml.gz");
        return new DueReport(ReportKind.Aggregate, day, domain, report.ReportId, name, packed, destinations);
    }

    // RFC 7489 §7.1: a domain elsewhere must say that it takes these reports.
    private async ValueTask<bool> AgreesAsync(Domain domain, Domain destination, CancellationToken ct)
    {
        if (domain == destination || IsBelow(domain, destination) || IsBelow(destination, domain)) return true;
        var answer = await resolver.TxtAsync($"{domain.Ascii}._report._dmarc.{destination.Ascii}", ct);
        return answer.Records.Any(static text => text.TrimStart().StartsWith("v=DMARC1", StringComparison.Ordinal));
    }

    private static bool IsBelow(Domain domain, Domain above) => domain.Ascii.EndsWith("." + above.Ascii, StringComparison.Ordinal);

    private async Task<DueReport?> TlsAsync(DateOnly day, Domain domain, EmailAddress contact, CancellationToken ct)
    {
        var answer = await resolver.TxtAsync("_smtp._tls." + domain.Ascii, ct);
        var destinations = TlsReportRecord.DestinationsOf(answer.Records);
        if (destinations.Count == 0) return null;
        var rows = await tls.ReadAsync(day, domain, TlsRowsMax, ct);
        if (rows.Count == 0) return null;
        var begins = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
        var report = new TlsReport(
            organization.Ascii, contact.ToString(), $"{day:yyyyMMdd}.{domain.Ascii}@{organization.Ascii}", begins, begins.AddDays(1).AddSeconds(-1))
        {
            Policies = [.. rows.GroupBy(static row => (row.PolicyType, row.PolicyText)).Select(group => PolicyOf(domain, group.Key, group))],
        };
        var packed = Gzip(TlsReportWriter.Write(report));
        var name = string.Create(
            CultureInfo.InvariantCulture,
            $"{organization.Ascii}!{domain.Ascii}!{begins.ToUnixTimeSeconds()}!{report.Ends.ToUnixTimeSeconds()}!1.json.gz");
        return packed.Length > PackedOctetsMax ? null : new DueReport(ReportKind.Tls, day, domain, report.ReportId, name, packed, destinations);
    }

    private static TlsReportPolicy PolicyOf(Domain domain, (string Type, string Text) policy, IEnumerable<TlsResultRow> rows)
    {
        var all = rows.ToList();
        var failures = all.Where(static row => row.Result != TlsSession.Success).ToList();
        var strings = policy.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return new TlsReportPolicy(
            policy.Type, domain.Ascii, all.Where(static row => row.Result == TlsSession.Success).Sum(static row => row.Sessions),
            failures.Sum(static row => row.Sessions))
        {
            Strings = strings,
            MxHosts = [.. strings.Where(static line => line.StartsWith("mx: ", StringComparison.Ordinal)).Select(static line => line[4..])],
            Details =
            [
                .. failures.Select(static row => new TlsFailure(row.Result, row.Sessions)
                {
                    ReceivingHost = ReportText.OrNull(row.Mx),
                    ReceivingAddress = ReportText.OrNull(row.Receiving),
                    Information = ReportText.OrNull(row.Reason),
                }),
            ],
        };
    }

    private static byte[] Gzip(byte[] content)
    {
        using var output = new MemoryStream();
        using (var gzip = new GZipStream(output, CompressionLevel.Optimal, leaveOpen: true)) gzip.Write(content);
        return output.ToArray();
    }
}
