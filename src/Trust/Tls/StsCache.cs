using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Dns;

namespace Posthorn.Trust;

/// <summary>The policy that holds for a domain, and what went wrong on the way to a newer one.</summary>
/// <param name="Policy">Null when none holds.</param>
public sealed record StsFound(StsPolicy? Policy, StsFetch? Failure);

/// <summary>
/// The MTA-STS policies of other domains. What was fetched holds until it expires, whatever the name system says meanwhile (RFC 8461 §3.3).
/// </summary>
/// <remarks>Without a policy and without a record nothing is stored and nothing is fetched: asking costs one remembered DNS answer.</remarks>
public sealed class StsCache(
    Database db, Resolver resolver, Func<Domain, CancellationToken, Task<StsFetch>> fetch, TimeProvider time, ILogger log)
{
    private const int FailuresMax = 10_000;

    private readonly Lock _gate = new();
    private readonly Dictionary<Domain, Task<StsFetch>> _underWay = [];
    private readonly Dictionary<Domain, (DateTimeOffset Until, StsFetch Failure)> _failures = [];

    /// <summary>Looks for the policy that a sender must apply now.</summary>
    public async ValueTask<StsFound> FindAsync(Domain domain, CancellationToken ct)
    {
        var now = time.GetUtcNow();
        var cached = await db.ReadAsync(d => Read(d, domain), ct);
        if (cached is { } known && known.ExpiresAt <= now) cached = null;
        var answer = await resolver.TxtAsync("_mta-sts." + domain.Ascii, ct);
        var id = answer.Ok ? StsRecord.IdOf(answer.Records) : null;
        // §5.1: what is cached and still holds is applied when nothing newer can be found.
        if (id is null || id == cached?.Id) return await UsedAsync(domain, cached, now, ct);
        var fetched = await FetchAsync(domain, id, again: false, ct);
        return fetched.Policy is { } policy
            ? new StsFound(InForce(policy), null)
            : (await UsedAsync(domain, cached, now, ct)) with { Failure = fetched };
    }

    /// <summary>Fetches policies again well before they expire (RFC 8461 §10.2), and forgets those that have.</summary>
    public async Task RefreshAsync(CancellationToken ct)
    {
        var now = time.GetUtcNow();
        await db.WriteAsync(tx => Forget(tx, now), ct);
        foreach (var (domain, cached) in await db.ReadAsync(d => Stale(d, now), ct))
        {
            var answer = await resolver.TxtAsync("_mta-sts." + domain.Ascii, ct);
            var id = (answer.Ok ? StsRecord.IdOf(answer.Records) : null) ?? cached.Id;
            var fetched = await FetchAsync(domain, id, again: true, ct);
            if (fetched.Policy is null) TlsLog.StsNotRefreshed(log, domain, cached.ExpiresAt, fetched.Reason ?? "");
        }
    }

    private static StsPolicy? InForce(StsPolicy policy) => policy.Mode == StsMode.None ? null : policy;

    // When it was used last is written once a day at most.
    private async ValueTask<StsFound> UsedAsync(Domain domain, CachedPolicy? cached, DateTimeOffset now, CancellationToken ct)
    {
        if (cached is not { } policy) return new StsFound(null, null);
        if (now - policy.UsedAt > TimeSpan.FromDays(1))
        {
            await db.WriteAsync(
                tx => tx.Prepare("UPDATE sts_policy SET used = $1 WHERE domain = $2").Bind(now).Bind(domain.Ascii).Execute(), ct);
        }
        return new StsFound(InForce(policy.Policy), null);
    }

    // Equal fetches under way are one, and a server that failed is left alone for a while.
    private async Task<StsFetch> FetchAsync(Domain domain, string id, bool again, CancellationToken ct)
    {
        Task<StsFetch> task;
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_failures.TryGetValue(domain, out var failed))
            {
                if (failed.Until > now) return failed.Failure;
                _failures.Remove(domain);
            }
            if (!_underWay.TryGetValue(domain, out var under)) _underWay.Add(domain, under = FetchAndKeepAsync(domain, id, again));
            task = under;
        }
        return await task.WaitAsync(ct);
    }

    private async Task<StsFetch> FetchAndKeepAsync(Domain domain, string id, bool again)
    {
        await Task.CompletedTask.ConfigureAwait(ConfigureAwaitOptions.ForceYielding); // not under the lock
        StsFetch? fetched = null;
        try
        {
            // Somebody may have kept it since the caller looked.
            var kept = again ? null : await db.ReadAsync(d => Read(d, domain), CancellationToken.None);
            if (kept is { } known && known.Id == id && known.ExpiresAt > time.GetUtcNow()) return fetched = new StsFetch(known.Policy, null, null);
            fetched = await fetch(domain, CancellationToken.None); // it has a time limit of its own, and outlives whoever asked first
            var now = time.GetUtcNow();
            await db.WriteAsync(
                tx => fetched.Policy is { } policy ? Keep(tx, domain, id, policy, now) : Tried(tx, domain, now), CancellationToken.None);
            if (fetched.Policy is { } got) TlsLog.StsFetched(log, domain, got.Mode.ToString().ToLowerInvariant(), id);
            else TlsLog.StsFailed(log, domain, fetched.ResultType ?? "", fetched.Reason ?? "");
            return fetched;
        }
        finally
        {
            lock (_gate)
            {
                _underWay.Remove(domain);
                if (fetched is { Policy: null })
                {
                    if (_failures.Count >= FailuresMax) _failures.Clear();
                    _failures[domain] = (time.GetUtcNow() + TlsLimits.FetchPause, fetched);
                }
            }
        }
    }

    private static int Keep(Transaction tx, Domain domain, string id, StsPolicy policy, DateTimeOffset now)
    {
        if (tx.Prepare("SELECT COUNT(*) FROM sts_policy").Scalar() >= TlsLimits.PoliciesMax)
        {
            tx.Prepare("DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy ORDER BY used LIMIT 100)").Execute();
        }
        return tx.Prepare("""
            INSERT INTO sts_policy (domain, id, mode, hosts, max_age, fetched, expires, tried, used) VALUES ($1, $2, $3, $4, $5, $6, $7, $6, $6)
            ON CONFLICT (domain) DO UPDATE SET id = excluded.id, mode = excluded.mode, hosts = excluded.hosts, max_age = excluded.max_age,
                fetched = excluded.fetched, expires = excluded.expires, tried = excluded.tried
            """)
            .Bind(domain.Ascii).Bind(id).Bind((long)policy.Mode).Bind(string.Join('\n', policy.Hosts)).Bind((long)policy.MaxAge.TotalSeconds)
            .Bind(now).Bind(now + policy.MaxAge).Execute();
    }

    private static int Tried(Transaction tx, Domain domain, DateTimeOffset now) =>
        tx.Prepare("UPDATE sts_policy SET tried = $1 WHERE domain = $2").Bind(now).Bind(domain.Ascii).Execute();

    private static CachedPolicy? Read(Snapshot db, Domain domain)
    {
        using var rows = db.Prepare("SELECT id, mode, hosts, max_age, expires, used FROM sts_policy WHERE domain = $1").Bind(domain.Ascii).Query();
        return rows.Next() ? Row(rows) : null;
    }

    // Half of its time is over, a day has gone since the last try, and somebody has written there lately.
    private static List<(Domain Domain, CachedPolicy Policy)> Stale(Snapshot db, DateTimeOffset now)
    {
        var stale = new List<(Domain, CachedPolicy)>();
        using var rows = db.Prepare("""
            SELECT id, mode, hosts, max_age, expires, used, domain FROM sts_policy
            WHERE expires < $1 + max_age * 500 AND tried < $2 AND used > $3 AND mode <> 0 ORDER BY expires LIMIT $4
            """).Bind(now).Bind(now.AddHours(-20)).Bind(now - TlsLimits.UnusedMax).Bind(TlsLimits.RefreshesPerRun).Query();
        while (rows.Next()) stale.Add((Domain.Parse(rows.Text(6)), Row(rows)));
        return stale;
    }

    private static int Forget(Transaction tx, DateTimeOffset now) =>
        tx.Prepare("DELETE FROM sts_policy WHERE domain IN (SELECT domain FROM sts_policy WHERE expires < $1 ORDER BY expires LIMIT 1000)")
            .Bind(now).Execute();

    private static CachedPolicy Row(Rows rows) => new(
        rows.Text(0),
        new StsPolicy(
            (StsMode)rows.Int64(1), rows.Text(2).Split('\n', StringSplitOptions.RemoveEmptyEntries), TimeSpan.FromSeconds(rows.Int64(3))),
        rows.Time(4),
        rows.Time(5));

    private readonly record struct CachedPolicy(string Id, StsPolicy Policy, DateTimeOffset ExpiresAt, DateTimeOffset UsedAt);
}
