using System.Security.Cryptography;
using System.Text.Json;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Trust;

/// <summary>Mail that others' domains want to hear of, counted by day until it is reported (RFC 7489 §7.2).</summary>
public sealed class DmarcBook(Database db)
{
    /// <summary>Different records of one domain in one day; more of them are left out of its report.</summary>
    internal const int RecordsMax = 10_000;

    /// <summary>Within the action that takes the message: what is counted is delivered, and what is delivered is counted.</summary>
    public static void Record(Transaction tx, DmarcObservation observation)
    {
        var day = DateOnly.FromDateTime(tx.Now.UtcDateTime).DayNumber;
        var record = JsonSerializer.SerializeToUtf8Bytes(observation.Record with { Count = 1 }, ReportJson.Default.AggregateRecord);
        var rows = tx.Prepare("UPDATE dmarc_seen SET messages = messages + 1 WHERE day = $1 AND domain = $2 AND record_key = $3")
            .Bind(day).Bind(observation.Domain.Ascii).Bind(Convert.ToHexStringLower(SHA256.HashData(record))).Execute();
        if (rows > 0) return;
        tx.Prepare("""
            INSERT INTO dmarc_policy_seen (day, domain, policy, destinations, records) VALUES ($1, $2, $3, $4, 1)
            ON CONFLICT (day, domain) DO UPDATE SET policy = excluded.policy, destinations = excluded.destinations,
                records = dmarc_policy_seen.records + 1
            """)
            .Bind(day).Bind(observation.Domain.Ascii).Bind(JsonSerializer.Serialize(observation.Policy, ReportJson.Default.PublishedPolicy))
            .Bind(observation.Destinations).Execute();
        var records = tx.Prepare("SELECT records FROM dmarc_policy_seen WHERE day = $1 AND domain = $2")
            .Bind(day).Bind(observation.Domain.Ascii).Scalar();
        if (records > RecordsMax) return;
        tx.Prepare("""
            INSERT INTO dmarc_seen (day, domain, record_key, record, messages) VALUES ($1, $2, $3, $4, 1)
            ON CONFLICT (day, domain, record_key) DO UPDATE SET messages = dmarc_seen.messages + 1
            """)
            .Bind(day).Bind(observation.Domain.Ascii).Bind(Convert.ToHexStringLower(SHA256.HashData(record))).Bind(record).Execute();
    }

    /// <summary>The domains that a day has observations of.</summary>
    public ValueTask<IReadOnlyList<Domain>> DomainsAsync(DateOnly day, CancellationToken ct) => db.ReadAsync<IReadOnlyList<Domain>>(
        d =>
        {
            var found = new List<Domain>();
            using var rows = d.Prepare("SELECT domain FROM dmarc_policy_seen WHERE day = $1 ORDER BY domain").Bind((long)day.DayNumber).Query();
            while (rows.Next()) found.Add(Domain.Parse(rows.Text(0)));
            return found;
        },
        ct);

    /// <summary>The report of a day, and where it goes; null when there is nothing to tell.</summary>
    public ValueTask<(AggregateReport Report, string Destinations)?> ReportAsync(
        DateOnly day, Domain domain, string organization, string contact, CancellationToken ct) => db.ReadAsync<(AggregateReport, string)?>(
        d =>
        {
            PublishedPolicy policy;
            string destinations;
            using (var rows = d.Prepare("SELECT policy, destinations FROM dmarc_policy_seen WHERE day = $1 AND domain = $2")
                .Bind((long)day.DayNumber).Bind(domain.Ascii).Query())
            {
                if (!rows.Next()) return null;
                policy = JsonSerializer.Deserialize(rows.Blob(0), ReportJson.Default.PublishedPolicy)!;
                destinations = rows.Text(1);
            }
            var begins = new DateTimeOffset(day, TimeOnly.MinValue, TimeSpan.Zero);
            return (new AggregateReport
            {
                Organization = organization,
                Contact = contact,
                ReportId = $"{day:yyyyMMdd}.{domain.Ascii}.{organization}",
                Begins = begins,
                Ends = begins.AddDays(1).AddSeconds(-1),
                Generator = "Posthorn",
                Policy = policy,
                Records = Records(d, day, domain),
            }, destinations);
        },
        ct);

    /// <summary>Forgets what has been reported, or never will be.</summary>
    public async Task PurgeAsync(DateOnly before, CancellationToken ct)
    {
        while (await db.WriteAsync(tx => Purge(tx, before.DayNumber), ct) > 0)
        {
            // A domain at a time.
        }
    }

    private static int Purge(Transaction tx, long before)
    {
        long day;
        string domain;
        using (var rows = tx.Prepare("SELECT day, domain FROM dmarc_policy_seen WHERE day < $1 ORDER BY day, domain LIMIT 1").Bind(before).Query())
        {
            if (!rows.Next()) return 0;
            (day, domain) = (rows.Int64(0), rows.Text(1));
        }
        var gone = tx.Prepare("""
            DELETE FROM dmarc_seen WHERE day = $1 AND domain = $2
                AND record_key IN (SELECT record_key FROM dmarc_seen WHERE day = $1 AND domain = $2 ORDER BY record_key LIMIT 1000)
            """).Bind(day).Bind(domain).Execute();
        return gone > 0 ? gone : tx.Prepare("DELETE FROM dmarc_policy_seen WHERE day = $1 AND domain = $2").Bind(day).Bind(domain).Execute();
    }

    private static List<AggregateRecord> Records(Snapshot db, DateOnly day, Domain domain)
    {
        var records = new List<AggregateRecord>();
        using var rows = db.Prepare("""
            SELECT record, messages FROM dmarc_seen WHERE day = $1 AND domain = $2 ORDER BY messages DESC, record_key LIMIT $3
            """).Bind((long)day.DayNumber).Bind(domain.Ascii).Bind(RecordsMax).Query();
        while (rows.Next())
        {
            records.Add(JsonSerializer.Deserialize(rows.Blob(0), ReportJson.Default.AggregateRecord)! with { Count = rows.Int64(1) });
        }
        return records;
    }
}
