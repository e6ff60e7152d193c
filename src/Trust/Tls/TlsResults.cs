using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>How TLS with another server went, once.</summary>
/// <param name="PolicyText">The lines of the policy that held.</param>
/// <param name="Result"><see cref="Success"/>, or one of RFC 8460 §4.3.</param>
public sealed record TlsSession(
    Domain Domain, string PolicyType, string PolicyText, string Mx, string? Receiving, string Result, string? Reason)
{
    public const string Success = "success";
}

/// <summary>Sessions of one day that went alike.</summary>
/// <param name="Day">UTC.</param>
public sealed record TlsResultRow(
    DateOnly Day, string Domain, string PolicyType, string PolicyText, string Result, string Mx, string Receiving, string Reason, long Sessions);

/// <summary>How TLS with other servers went, counted by day, for the reports to them and for the operator.</summary>
public sealed class TlsResults(Database db, TimeProvider time, ILogger log)
{
    /// <summary>Counts one session. What cannot be counted is logged; the mail goes on.</summary>
    public async ValueTask RecordAsync(TlsSession session, CancellationToken ct)
    {
        try
        {
            var day = DayOf(time.GetUtcNow());
            await db.WriteAsync(
                tx => tx.Prepare("""
                    INSERT INTO tls_result (day, domain, policy_type, result, mx, receiving, reason, policy, sessions)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)
                    ON CONFLICT (day, domain, policy_type, result, mx, receiving, reason)
                    DO UPDATE SET sessions = tls_result.sessions + 1, policy = excluded.policy
                    """)
                    .Bind(day).Bind(session.Domain.Ascii).Bind(session.PolicyType).Bind(session.Result).Bind(session.Mx)
                    .Bind(session.Receiving ?? "").Bind(Short(session.Reason)).Bind(session.PolicyText).Execute(),
                ct);
        }
        catch (Exception failure) when (!ct.IsCancellationRequested)
        {
            TlsLog.ResultLost(log, failure, session.Domain);
        }
    }

    /// <summary>The results of a day, those of one domain together.</summary>
    /// <param name="domain">Null for all.</param>
    public ValueTask<IReadOnlyList<TlsResultRow>> ReadAsync(DateOnly day, Domain? domain, int max, CancellationToken ct = default) =>
        db.ReadAsync<IReadOnlyList<TlsResultRow>>(
            d =>
            {
                var found = new List<TlsResultRow>();
                using var rows = d.Prepare("""
                    SELECT domain, policy_type, policy, result, mx, receiving, reason, sessions FROM tls_result
                    WHERE day = $1 AND ($2 = '' OR domain = $2) ORDER BY domain, policy_type, result, sessions DESC LIMIT $3
                    """).Bind((long)day.DayNumber).Bind(domain?.Ascii ?? "").Bind(max).Query();
                while (rows.Next())
                {
                    found.Add(new TlsResultRow(
                        day, rows.Text(0), rows.Text(1), rows.Text(2), rows.Text(3), rows.Text(4), rows.Text(5), rows.Text(6), rows.Int64(7)));
                }
                return found;
            },
            ct);

    /// <summary>The domains that a day has results of.</summary>
    public ValueTask<IReadOnlyList<Domain>> DomainsAsync(DateOnly day, CancellationToken ct) => db.ReadAsync<IReadOnlyList<Domain>>(
        d =>
        {
            var found = new List<Domain>();
            using var rows = d.Prepare("SELECT DISTINCT domain FROM tls_result WHERE day = $1 ORDER BY domain").Bind((long)day.DayNumber).Query();
            while (rows.Next()) found.Add(Domain.Parse(rows.Text(0)));
            return found;
        },
        ct);

    public async Task PurgeAsync(CancellationToken ct)
    {
        var oldest = DayOf(time.GetUtcNow() - TlsLimits.ResultRetention);
        while (await db.ReadAsync(d => d.Prepare("SELECT MIN(day) FROM tls_result").Scalar(), ct) is { } day && day < oldest)
        {
            await db.WriteAsync(tx => tx.Prepare("DELETE FROM tls_result WHERE day = $1").Bind(day).Execute(), ct);
        }
    }

    private static long DayOf(DateTimeOffset at) => DateOnly.FromDateTime(at.UtcDateTime).DayNumber;

    private static string Short(string? reason) =>
        reason is null ? "" : reason.Length <= TlsLimits.ReasonCharsMax ? reason : reason[..TlsLimits.ReasonCharsMax];
}
