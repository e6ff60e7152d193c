using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>
/// The browsers in which people are logged in. The cookie holds the id and 256 random bits; the row holds their SHA-256. A session ends by
/// log-out, by being ended from the list, by lying idle, by its age, and with its account's password, removal or disabling.
/// </summary>
/// <remarks>A renewed proof gives the session a new id and a new secret, so that nobody who knew the old one gains by it.</remarks>
public sealed class WebSessions
{
    /// <summary>Of one account; the least used one ends when there would be more.</summary>
    public const int PerAccountMax = 50;

    /// <summary>What is kept of what a browser says of itself.</summary>
    public const int AgentCharactersMax = 200;

    private const int IdLength = 16;
    private const int SecretLength = 43;
    private const string Columns = "session, account, whole, methods, created, authenticated, used, remote, agent, provider, provider_session, hash";

    /// <summary>Without a request for so long, a session has ended.</summary>
    public static readonly TimeSpan IdleTimeout = TimeSpan.FromDays(7);

    /// <summary>So old, a session has ended whatever happens in it.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(30);

    /// <summary>How long the second factor is waited for.</summary>
    public static readonly TimeSpan SecondFactorTimeout = TimeSpan.FromMinutes(10);

    // A use is noted this coarsely, so that reading pages does not write.
    private static readonly TimeSpan UseGranularity = TimeSpan.FromMinutes(5);

    private readonly Database _db;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal WebSessions(Database db, TimeProvider time, ILogger log) => (_db, _time, _log) = (db, time, log);

    /// <summary>Begins a session. The account may have been disabled meanwhile, which is refused.</summary>
    public async ValueTask<Result<IssuedSession>> BeginAsync(AccountId account, Proven proven, SessionOrigin origin, CancellationToken ct = default)
    {
        var (id, secret) = NewSecret();
        var begun = await _db.TryWriteAsync(tx =>
        {
            DemandActive(tx, account);
            MakeRoom(tx, account);
            tx.Prepare($"INSERT INTO web_session ({Columns}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)")
                .Bind(id).Bind(account.Value).Bind(proven.IsWhole).Bind((long)proven.Methods).Bind(tx.Now).Bind(tx.Now).Bind(tx.Now)
                .Bind(origin.Remote?.Unmapped().ToString() ?? "").Bind(Cleaned(origin.Agent)).Bind(proven.Provider).Bind(proven.ProviderSession)
                .Bind(HashOf(secret)).Execute();
            return new IssuedSession(Read(tx, id)!.Value.Session, secret);
        }, ct);
        if (begun.Ok) Log.SessionBegun(_log, id, account, origin.Remote);
        return begun;
    }

    /// <summary>
    /// The session goes on under another id and secret, with the methods added to those it has and the time of the proof now. To be called
    /// whenever a session gains rights.
    /// </summary>
    public ValueTask<Result<IssuedSession>> RenewAsync(WebSession session, LoginMethods added, CancellationToken ct = default)
    {
        var (id, secret) = NewSecret();
        return _db.TryWriteAsync(tx =>
        {
            DemandActive(tx, session.Account);
            if (tx.Prepare("UPDATE web_session SET session = $1, hash = $2, whole = 1, methods = methods | $3, authenticated = $4, used = $4, "
                    + "created = CASE WHEN whole = 1 THEN created ELSE $4 END WHERE session = $5")
                .Bind(id).Bind(HashOf(secret)).Bind((long)added).Bind(tx.Now.ToUnixTimeMilliseconds()).Bind(session.Id).Execute() == 0)
            {
                throw new RefusalException(Ended);
            }
            return new IssuedSession(Read(tx, id)!.Value.Session, secret);
        }, ct);
    }

    /// <summary>The session whose secret this is, unless it has ended. One that waits for its second factor is found too.</summary>
    public async ValueTask<WebLogin?> FindAsync(string secret, CancellationToken ct = default)
    {
        if (!TryIdOf(secret, out var id)) return null;
        var now = _time.GetUtcNow();
        var found = await _db.ReadAsync(
            db => Read(db, id) is { } row && Accounts.Read(db, row.Session.Account) is { IsActive: true } account ? (row, account) : default, ct);
        if (found is not ({ Session: { } session, Hash: { } hash }, { } holder)) return null;
        if (!CryptographicOperations.FixedTimeEquals(hash, HashOf(secret)) || HasEnded(session, now)) return null;
        if (now - session.LastUsedAt > UseGranularity)
        {
            await _db.WriteAsync(tx => tx.Prepare("UPDATE web_session SET used = $1 WHERE session = $2").Bind(tx.Now).Bind(id).Execute(), ct);
        }
        return new WebLogin(session, holder);
    }

    /// <summary>The sessions of an account that have not ended, the last used first; those that wait for a second factor are left out.</summary>
    public async ValueTask<IReadOnlyList<WebSession>> ListAsync(AccountId account, CancellationToken ct = default)
    {
        var now = _time.GetUtcNow();
        return await _db.ReadAsync(db => Of(db, account).Where(session => session.IsWhole && !HasEnded(session, now)).ToList(), ct);
    }

    /// <summary>Ends one session of an account.</summary>
    public async ValueTask<Result<WebSession>> EndAsync(AccountId account, string id, CancellationToken ct = default)
    {
        var ended = await _db.TryWriteAsync(tx =>
        {
            // Another account's session is not there for it.
            if (Read(tx, id) is not { } row || row.Session.Account != account) throw Refused.NotFound("there is no such session");
            tx.Prepare("DELETE FROM web_session WHERE session = $1").Bind(id).Execute();
            return row.Session;
        }, ct);
        if (ended.Ok) Log.SessionEnded(_log, id, account);
        return ended;
    }

    /// <summary>Ends all sessions of an account but one.</summary>
    /// <param name="except">None ends all of them.</param>
    /// <returns>How many.</returns>
    public ValueTask<int> EndAllAsync(AccountId account, string? except = null, CancellationToken ct = default) =>
        _db.WriteAsync(tx => EndAll(tx, account, except), ct);

    /// <summary>Ends all sessions that an identity provider vouched for, or the one that it names.</summary>
    /// <returns>How many.</returns>
    public ValueTask<int> EndOfProviderAsync(string provider, AccountId? account, string? providerSession, CancellationToken ct = default) =>
        _db.WriteAsync(tx => account is null && providerSession is null ? 0 : tx.Prepare(
                "DELETE FROM web_session WHERE provider = $1 AND (account = $2 OR $3 = 0) AND (provider_session = $4 OR $5 = 0)")
            .Bind(provider).Bind(account?.Value ?? 0).Bind(account is not null).Bind(providerSession ?? "").Bind(providerSession is not null)
            .Execute(), ct);

    /// <summary>Deletes what has ended. Called now and then.</summary>
    public async Task PurgeAsync(CancellationToken ct)
    {
        var now = _time.GetUtcNow();
        await _db.WriteAsync(tx => tx.Prepare("DELETE FROM web_session WHERE used <= $1 OR created <= $2 OR (whole = 0 AND created <= $3)")
            .Bind(now - IdleTimeout).Bind(now - Lifetime).Bind(now - SecondFactorTimeout).Execute(), ct);
    }

    internal static int EndAll(Transaction tx, AccountId account, string? except = null) =>
        tx.Prepare("DELETE FROM web_session WHERE account = $1 AND session <> $2").Bind(account.Value).Bind(except ?? "").Execute();

    private static readonly Refusal Ended = new(RefusalKind.NotAuthenticated, "the session has ended");

    private static bool HasEnded(WebSession session, DateTimeOffset now) =>
        now - session.LastUsedAt >= IdleTimeout || now - session.CreatedAt >= Lifetime
        || (!session.IsWhole && now - session.CreatedAt >= SecondFactorTimeout);

    private static void DemandActive(Snapshot db, AccountId account)
    {
        if (Accounts.Read(db, account) is { IsActive: true }) return;
        throw new RefusalException(new Refusal(RefusalKind.Disabled, "this account is disabled"));
    }

    private static void MakeRoom(Transaction tx, AccountId account)
    {
        foreach (var session in Of(tx, account).Skip(PerAccountMax - 1))
        {
            tx.Prepare("DELETE FROM web_session WHERE session = $1").Bind(session.Id).Execute();
        }
    }

    private static List<WebSession> Of(Snapshot db, AccountId account)
    {
        var found = new List<WebSession>();
        using var rows = db.Prepare($"SELECT {Columns} FROM web_session WHERE account = $1 ORDER BY used DESC, session").Bind(account.Value).Query();
        while (rows.Next()) found.Add(Row(rows));
        return found;
    }

    private static (WebSession Session, byte[] Hash)? Read(Snapshot db, string id)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM web_session WHERE session = $1").Bind(id).Query();
        return rows.Next() ? (Row(rows), rows.Blob(11).ToArray()) : null;
    }

    private static WebSession Row(Rows rows) => new(
        rows.Text(0),
        new AccountId(rows.Int64(1)),
        rows.Bool(2),
        (LoginMethods)rows.Int64(3),
        rows.Time(4),
        rows.Time(5),
        rows.Time(6),
        new SessionOrigin(IPAddress.TryParse(rows.Text(7), out var remote) ? remote : null, rows.Text(8)))
    {
        Provider = rows.NullableText(9),
        ProviderSession = rows.NullableText(10),
    };

    private static (string Id, string Secret) NewSecret()
    {
        var id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2));
        return (id, id + Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
    }

    private static bool TryIdOf(string secret, out string id)
    {
        id = secret.Length == IdLength + SecretLength ? secret[..IdLength] : "";
        return id.Length > 0 && id.All(char.IsAsciiHexDigitLower);
    }

    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));

    private static string Cleaned(string agent) =>
        string.Concat(agent.Take(AgentCharactersMax).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c));
}
