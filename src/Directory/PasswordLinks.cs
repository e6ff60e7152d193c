using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>A link with which somebody sets a password once, as whoever hands it over gets it.</summary>
/// <param name="Secret">What stands in the link; shown now and never again.</param>
public sealed record PasswordLink(EmailAddress Address, string Secret, DateTimeOffset ExpiresAt)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Address.ToString();
}

/// <summary>
/// Links for a first password, or for one that is lost: made by an administrator, opened once, stored as SHA-256 of 256 random bits. A new
/// link takes the place of the one before.
/// </summary>
public sealed class PasswordLinks
{
    public static readonly TimeSpan LifetimeDefault = TimeSpan.FromDays(3);

    public static readonly TimeSpan LifetimeMax = TimeSpan.FromDays(30);

    private const int SecretLength = 43;

    private static readonly Refusal Dead = new(RefusalKind.NotFound, "this link has been used already, has expired, or never was one");

    private readonly Database _db;
    private readonly Accounts _accounts;
    private readonly TimeProvider _time;
    private readonly ILogger _log;

    internal PasswordLinks(Database db, Accounts accounts, TimeProvider time, ILogger log) =>
        (_db, _accounts, _time, _log) = (db, accounts, time, log);

    /// <param name="lifetime">Null for <see cref="LifetimeDefault"/>.</param>
    public async ValueTask<Result<PasswordLink>> AddAsync(
        Authority by, EmailAddress address, TimeSpan? lifetime = null, CancellationToken ct = default)
    {
        var secret = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        var time = lifetime ?? LifetimeDefault;
        var added = await _db.TryWriteAsync(tx =>
        {
            if (time <= TimeSpan.Zero || time > LifetimeMax) throw Refused.Invalid($"a link lives at most {LifetimeMax.Days} days");
            var account = Accounts.DemandChangeable(tx, by, address);
            Forget(tx, account.Id);
            tx.Prepare("INSERT INTO password_link (account, hash, created, expires) VALUES ($1, $2, $3, $4)")
                .Bind(account.Id.Value).Bind(HashOf(secret)).Bind(tx.Now).Bind(tx.Now + time).Execute();
            AccountNews.Add(tx, account.Id, AccountEvent.PasswordLinkMade, by.Name);
            return new PasswordLink(account.Address, secret, tx.Now + time);
        }, ct);
        if (added.Ok) Log.LinkAdded(_log, address, by.Name);
        return added;
    }

    /// <summary>Whose password the link sets; it stays good.</summary>
    public async ValueTask<Result<Account>> FindAsync(string secret, CancellationToken ct = default)
    {
        if (secret.Length != SecretLength) return Dead;
        var now = _time.GetUtcNow();
        return await _db.ReadAsync(db => Find(db, secret, now), ct) is { } account ? account : Dead;
    }

    /// <summary>Sets the password, ends every web session, and the link with it. A password that the rules refuse leaves the link good.</summary>
    public async ValueTask<Result<Account>> UseAsync(string secret, ReadOnlyMemory<byte> password, CancellationToken ct = default)
    {
        var found = await FindAsync(secret, ct);
        if (!found.TryGet(out var account)) return found;
        return await _accounts.SetPasswordAsync(
            Authority.OverEverything("a link"), account.Address, password,
            (tx, _) =>
            {
                // Of two who open the link at the same moment, one is right.
                if (Find(tx, secret, tx.Now)?.Id != account.Id) throw new RefusalException(Dead);
                WebSessions.EndAll(tx, account.Id);
            }, ct);
    }

    internal static void Forget(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM password_link WHERE account = $1").Bind(account.Value).Execute();

    private static Account? Find(Snapshot db, string secret, DateTimeOffset now)
    {
        var account = db.Prepare("SELECT account FROM password_link WHERE hash = $1 AND expires > $2").Bind(HashOf(secret)).Bind(now).Scalar();
        return account is { } id && Accounts.Read(db, new AccountId(id)) is { IsActive: true } found ? found : null;
    }

    private static byte[] HashOf(string secret) => SHA256.HashData(Encoding.UTF8.GetBytes(secret));
}
