using System.Security.Cryptography;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>The mailbox access keys of an account (RFC 4467 §2.2): whoever has a token made with one may read one part of one message.</summary>
/// <remarks>They lie beside the messages that they open, as open as these: whoever reads the one reads the other.</remarks>
public sealed class UrlKeys
{
    private const int KeyOctets = 32;

    private readonly Database _db;

    internal UrlKeys(Database db) => _db = db;

    /// <summary>Null when none has been made, or all were taken back.</summary>
    public ValueTask<byte[]?> FindAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _db.ReadAsync(db => Find(db, account, mailbox), ct);

    /// <summary>The key of a mailbox, made when there is none.</summary>
    public ValueTask<byte[]> GetAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _db.WriteAsync(
            tx =>
            {
                tx.LockAccount(account);
                return Find(tx, account, mailbox) ?? Make(tx, account, mailbox);
            },
            ct);

    /// <summary>Another key: what was authorized with the one before is not any more.</summary>
    public ValueTask<byte[]> ResetAsync(AccountId account, MailboxId mailbox, CancellationToken ct = default) =>
        _db.WriteAsync(tx => Make(tx, account, mailbox), ct);

    public async ValueTask ResetAllAsync(AccountId account, CancellationToken ct = default) =>
        _ = await _db.WriteAsync(tx => tx.Prepare("DELETE FROM url_key WHERE account = $1").Bind(account.Value).Execute(), ct);

    /// <summary>A mailbox has gone.</summary>
    internal static void Forget(Transaction tx, AccountId account, MailboxId mailbox) =>
        tx.Prepare("DELETE FROM url_key WHERE account = $1 AND mailbox = $2").Bind(account.Value).Bind(mailbox.Value).Execute();

    private static byte[]? Find(Snapshot db, AccountId account, MailboxId mailbox)
    {
        using var rows = db.Prepare("SELECT secret FROM url_key WHERE account = $1 AND mailbox = $2")
            .Bind(account.Value).Bind(mailbox.Value).Query();
        return rows.Next() ? rows.Blob(0).ToArray() : null;
    }

    private static byte[] Make(Transaction tx, AccountId account, MailboxId mailbox)
    {
        var key = RandomNumberGenerator.GetBytes(KeyOctets);
        tx.Prepare("""
            INSERT INTO url_key (account, mailbox, secret) VALUES ($1, $2, $3)
            ON CONFLICT (account, mailbox) DO UPDATE SET secret = excluded.secret
            """).Bind(account.Value).Bind(mailbox.Value).Bind(key).Execute();
        return key;
    }
}
