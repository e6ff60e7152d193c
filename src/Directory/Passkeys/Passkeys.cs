using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>A passkey as it may be shown.</summary>
/// <param name="IsBackedUp">It is kept elsewhere too, so that it survives the device.</param>
public sealed record Passkey(long Id, string Label, DateTimeOffset CreatedAt, DateTimeOffset? LastUsedAt, bool IsBackedUp);

/// <summary>What a browser needs to make a passkey.</summary>
/// <param name="UserHandle">64 random octets that say nothing about the account.</param>
/// <param name="Existing">The ids of those it has, so that a device does not get a second one.</param>
public sealed record PasskeyOffer(byte[] UserHandle, IReadOnlyList<byte[]> Existing, IReadOnlyList<int> Algorithms);

/// <summary>
/// Keys in people's devices (WebAuthn level 2), each for one name of this server and found by the browser without typing a name. The device
/// checks its user, so a passkey is two factors in one.
/// </summary>
/// <remarks>
/// An assertion counts once: its challenge must be younger than that of the last one. A counter that does not rise tells of a copied
/// device and is refused.
/// </remarks>
public sealed class Passkeys
{
    /// <summary>Of one account.</summary>
    public const int PerAccountMax = 20;

    public const int LabelCharactersMax = 100;

    private const int HandleOctets = 64;

    private static readonly Refusal Unknown = new(RefusalKind.NotAuthenticated, "this passkey is not known here");
    private static readonly Refusal Used = new(RefusalKind.NotAuthenticated, "the passkey was used once already; try again");
    private static readonly Refusal Copied = new(
        RefusalKind.NotAuthenticated, "the passkey may have been copied, so it is not taken; remove it and make another");

    private readonly Database _db;
    private readonly Authenticator _authenticator;
    private readonly ILogger _log;

    internal Passkeys(Database db, Authenticator authenticator, ILogger log) => (_db, _authenticator, _log) = (db, authenticator, log);

    public ValueTask<IReadOnlyList<Passkey>> ListAsync(AccountId account, CancellationToken ct = default) =>
        _db.ReadAsync<IReadOnlyList<Passkey>>(db =>
        {
            var found = new List<Passkey>();
            using var rows = db.Prepare("SELECT passkey, label, created, used, backed_up FROM passkey WHERE account = $1 ORDER BY passkey")
                .Bind(account.Value).Query();
            while (rows.Next())
            {
                found.Add(new Passkey(rows.Int64(0), rows.Text(1), rows.Time(2), rows.IsNull(3) ? null : rows.Time(3), rows.Bool(4)));
            }
            return found;
        }, ct);

    public ValueTask<PasskeyOffer> OfferAsync(AccountId account, CancellationToken ct = default) => _db.WriteAsync(tx =>
    {
        tx.Prepare("INSERT INTO passkey_user (account, handle) VALUES ($1, $2) ON CONFLICT DO NOTHING")
            .Bind(account.Value).Bind(RandomNumberGenerator.GetBytes(HandleOctets)).Execute();
        byte[] handle;
        using (var rows = tx.Prepare("SELECT handle FROM passkey_user WHERE account = $1").Bind(account.Value).Query())
        {
            rows.Next();
            handle = rows.Blob(0).ToArray();
        }
        var existing = new List<byte[]>();
        using var ids = tx.Prepare("SELECT credential FROM passkey WHERE account = $1").Bind(account.Value).Query();
        while (ids.Next()) existing.Add(ids.Blob(0).ToArray());
        return new PasskeyOffer(handle, existing, CoseKey.Algorithms);
    }, ct);

    /// <summary>Stores a passkey that the browser has made.</summary>
    public async ValueTask<Result<Passkey>> AddAsync(
        AccountId account, string label, PasskeyCreation creation, PasskeyCeremony ceremony, CancellationToken ct = default)
    {
        var checkedOne = WebAuthn.CheckCreation(creation, ceremony);
        if (!checkedOne.TryGet(out var made)) return checkedOne.Refusal!;
        var added = await _db.TryWriteAsync(tx =>
        {
            if (SecondFactors.State(tx, account).Passkeys >= PerAccountMax)
            {
                throw new RefusalException(new Refusal(RefusalKind.TooMany, $"an account has at most {PerAccountMax} passkeys"));
            }
            // §7.1 step 22: an id that somebody has already is not taken a second time.
            if (tx.Prepare("SELECT 1 FROM passkey WHERE credential = $1").Bind(made.Id).Scalar() is not null)
            {
                throw new RefusalException(new Refusal(RefusalKind.AlreadyExists, "this passkey is known already"));
            }
            var id = Names.Next(tx, "credential");
            tx.Prepare("INSERT INTO passkey (account, passkey, credential, host, public_key, counter, label, created, challenged, backed_up) "
                    + "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9)")
                .Bind(account.Value).Bind(id).Bind(made.Id).Bind(ceremony.Host).Bind(made.Key).Bind((long)made.Counter)
                .Bind(Cleaned(label)).Bind(tx.Now).Bind(made.IsBackedUp).Execute();
            AccountNews.Add(tx, account, AccountEvent.FactorAdded, $"the passkey “{Cleaned(label)}”");
            return new Passkey(id, Cleaned(label), tx.Now, null, made.IsBackedUp);
        }, ct);
        if (added.Ok) Log.FactorAdded(_log, account, "a passkey");
        return added;
    }

    /// <summary>Logs in whoever holds a passkey, or proves that the account's own holds one.</summary>
    /// <param name="only">The account that it must be of; null for a log-in without a name.</param>
    public async ValueTask<Result<Identity>> ProveAsync(
        PasskeyAssertion assertion, PasskeyCeremony ceremony, AccountId? only, LoginContext context, CancellationToken ct = default)
    {
        if (_authenticator.ThrottledWithoutName(context) is { } throttled) return throttled;
        var used = await _db.TryWriteAsync(tx =>
        {
            if (Find(tx, assertion.CredentialId) is not { } stored || stored.Host != ceremony.Host) throw new RefusalException(Unknown);
            if (only is { } account && stored.Account != account) throw new RefusalException(Unknown);
            // §7.2 step 6: the handle, which a log-in without a name always brings, is the owner's.
            if (assertion.UserHandle.Length == 0 ? only is null : !CryptographicOperations.FixedTimeEquals(assertion.UserHandle, stored.Handle))
            {
                throw new RefusalException(Unknown);
            }
            var proof = WebAuthn.CheckAssertion(assertion, stored.Key, ceremony).Require();
            // §7.2 step 21.
            if ((proof.Counter != 0 || stored.Counter != 0) && proof.Counter <= stored.Counter) throw new RefusalException(Copied);
            if (proof.IssuedAt.ToUnixTimeMilliseconds() <= stored.Challenged) throw new RefusalException(Used);
            tx.Prepare("UPDATE passkey SET counter = $1, challenged = $2, used = $3, backed_up = $4 WHERE account = $5 AND passkey = $6")
                .Bind((long)proof.Counter).Bind(proof.IssuedAt).Bind(tx.Now).Bind(proof.IsBackedUp).Bind(stored.Account.Value).Bind(stored.Id)
                .Execute();
            return Accounts.Read(tx, stored.Account) is { RemovedAt: null } holder ? holder : throw new RefusalException(Unknown);
        }, ct);
        if (used.Refusal == Copied) Log.PasskeyCopied(_log, context.Remote);
        var concluded = _authenticator.ConcludeProven(used.TryGet(out var found) ? found : null, context);
        return used.Ok ? concluded : used.Refusal!;
    }

    public async ValueTask<Result<bool>> RemoveAsync(AccountId account, long id, CancellationToken ct = default)
    {
        var removed = await _db.TryWriteAsync(tx =>
        {
            if (tx.Prepare("DELETE FROM passkey WHERE account = $1 AND passkey = $2").Bind(account.Value).Bind(id).Execute() == 0)
            {
                throw Refused.NotFound("there is no such passkey");
            }
            AccountNews.Add(tx, account, AccountEvent.FactorRemoved, "a passkey");
            SecondFactors.ForgetIdleCodes(tx, account);
            return true;
        }, ct);
        if (removed.Ok) Log.FactorRemoved(_log, account, "a passkey");
        return removed;
    }

    internal static void Forget(Transaction tx, AccountId account)
    {
        tx.Prepare("DELETE FROM passkey WHERE account = $1").Bind(account.Value).Execute();
        tx.Prepare("DELETE FROM passkey_user WHERE account = $1").Bind(account.Value).Execute();
    }

    private static StoredPasskey? Find(Transaction tx, byte[] credential)
    {
        using var rows = tx.Prepare("SELECT p.account, p.passkey, p.host, p.public_key, p.counter, p.challenged, u.handle FROM passkey p "
                + "JOIN passkey_user u ON u.account = p.account WHERE p.credential = $1")
            .Bind(credential).Query();
        return !rows.Next() ? null : new StoredPasskey(
            new AccountId(rows.Int64(0)), rows.Int64(1), rows.Text(2), rows.Blob(3).ToArray(), rows.Int64(4), rows.Int64(5), rows.Blob(6).ToArray());
    }

    private static string Cleaned(string label)
    {
        var text = string.Concat(label.Where(c => !char.IsControl(c))).Trim();
        return text.Length == 0 ? "Passkey" : text.Length > LabelCharactersMax ? text[..LabelCharactersMax] : text;
    }

    private sealed record StoredPasskey(AccountId Account, long Id, string Host, byte[] Key, long Counter, long Challenged, byte[] Handle);
}
