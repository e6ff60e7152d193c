using System.Net;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>How an attempt to log in ended. The numbers are stored.</summary>
public enum LoginOutcome
{
    Ok = 0,
    WrongPassword = 1,
    WrongSecondFactor = 2,
    Disabled = 3,
    Throttled = 4,

    /// <summary>Right, and not allowed from this network or for this protocol.</summary>
    NotAllowed = 5,
}

/// <summary>Attempts of one kind within an hour.</summary>
/// <param name="Protocol"><c>web</c>, <c>imap</c>, …</param>
/// <param name="Credential">What was used, as its owner calls it; empty for the account's own password.</param>
public sealed record LoginRecord(
    string Protocol, IPAddress? Remote, LoginOutcome Outcome, string Credential, DateTimeOffset LastAt, long Count);

/// <summary>
/// What each account's owner may see of attempts to log in: per hour, protocol, address, outcome and credential one row with a count, so that a
/// client that reconnects all day is one line and costs no write for each.
/// </summary>
/// <remarks>
/// Attempts gather in memory and are written in bundles; a crash loses the last seconds. Attempts that failed and those that did not
/// are bounded apart, so that guessing cannot push the owner's own log-ins out.
/// </remarks>
public sealed class LoginHistory
{
    /// <summary>Rows of an account, of failures and of successes each.</summary>
    public const int PerAccountMax = 500;

    /// <summary>What gathers between two writes; further attempts are not noted.</summary>
    public const int GatheredMax = 20_000;

    /// <summary>How long it is kept.</summary>
    public static readonly TimeSpan Retention = TimeSpan.FromDays(90);

    /// <summary>How often what has gathered is written.</summary>
    public static readonly TimeSpan WriteEvery = TimeSpan.FromSeconds(5);

    private const int RowsPerActionMax = 500;
    private const long HourMilliseconds = 3_600_000;

    private readonly Database _db;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private Dictionary<Key, Gathered> _gathered = [];

    internal LoginHistory(Database db, TimeProvider time, ILogger log) => (_db, _time, _log) = (db, time, log);

    /// <summary>The latest first.</summary>
    public async ValueTask<IReadOnlyList<LoginRecord>> ListAsync(AccountId account, int max, CancellationToken ct = default)
    {
        await WriteAsync(ct);
        return await _db.ReadAsync<IReadOnlyList<LoginRecord>>(db =>
        {
            var found = new List<LoginRecord>();
            using var rows = db.Prepare("SELECT protocol, remote, outcome, credential, last, attempts FROM login_history WHERE account = $1 "
                    + "ORDER BY last DESC LIMIT $2")
                .Bind(account.Value).Bind(max).Query();
            while (rows.Next())
            {
                found.Add(new LoginRecord(
                    rows.Text(0), IPAddress.TryParse(rows.Text(1), out var remote) ? remote : null, (LoginOutcome)rows.Int64(2), rows.Text(3),
                    rows.Time(4), rows.Int64(5)));
            }
            return found;
        }, ct);
    }

    /// <summary>Writes what has gathered. Called now and then, and at the end.</summary>
    public async Task WriteAsync(CancellationToken ct)
    {
        Dictionary<Key, Gathered> taken;
        lock (_lock)
        {
            if (_gathered.Count == 0) return;
            (taken, _gathered) = (_gathered, []);
        }
        try
        {
            foreach (var slice in taken.Chunk(RowsPerActionMax)) await _db.WriteAsync(tx => Store(tx, slice), ct);
        }
        catch (DatabaseException failure)
        {
            Log.HistoryLost(_log, taken.Count, failure.Message);
        }
    }

    /// <summary>Removes what is too old.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        var before = _time.GetUtcNow() - Retention;
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM login_history WHERE last < $1").Bind(before).Execute(), ct);
    }

    internal void Note(AccountId account, in LoginContext context, LoginOutcome outcome, string credential = "")
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var key = new Key(account, now / HourMilliseconds, context.Protocol, context.Remote?.Unmapped().ToString() ?? "", outcome, credential);
        lock (_lock)
        {
            if (_gathered.Count >= GatheredMax && !_gathered.ContainsKey(key)) return;
            ref var gathered = ref CollectionsMarshal.GetValueRefOrAddDefault(_gathered, key, out _);
            gathered = new Gathered(now, gathered.Count + 1);
        }
    }

    internal static void Forget(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM login_history WHERE account = $1").Bind(account.Value).Execute();

    private static bool Store(Transaction tx, KeyValuePair<Key, Gathered>[] slice)
    {
        foreach (var (key, gathered) in slice)
        {
            tx.Prepare("INSERT INTO login_history (account, hour, protocol, remote, outcome, credential, last, attempts) "
                    + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (account, hour, protocol, remote, outcome, credential) "
                    + "DO UPDATE SET last = EXCLUDED.last, attempts = login_history.attempts + EXCLUDED.attempts")
                .Bind(key.Account.Value).Bind(key.Hour).Bind(key.Protocol).Bind(key.Remote).Bind((long)key.Outcome).Bind(key.Credential)
                .Bind(gathered.Last).Bind(gathered.Count).Execute();
        }
        foreach (var (account, failed) in slice.Select(pair => (pair.Key.Account, pair.Key.Outcome != LoginOutcome.Ok)).Distinct())
        {
            // "outcome <> 0" of both kinds in one statement: the texts of statements are constant.
            var edge = tx.Prepare("SELECT last FROM login_history WHERE account = $1 AND (outcome <> 0) = ($2 <> 0) "
                    + "ORDER BY last DESC LIMIT 1 OFFSET $3")
                .Bind(account.Value).Bind(failed).Bind(PerAccountMax).Scalar();
            if (edge is not { } last) continue;
            tx.Prepare("DELETE FROM login_history WHERE account = $1 AND (outcome <> 0) = ($2 <> 0) AND last <= $3")
                .Bind(account.Value).Bind(failed).Bind(last).Execute();
        }
        return true;
    }

    private readonly record struct Key(AccountId Account, long Hour, string Protocol, string Remote, LoginOutcome Outcome, string Credential);

    private readonly record struct Gathered(long Last, long Count);
}
