using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Store;

/// <summary>Takes everything of a removed account away, each action a slice. The state row goes last, so that a restart knows what is left.</summary>
internal sealed class AccountRemoval(Database db, BlobStore blobs)
{
    // Each deletes one slice by the leading columns of its primary key.
    private static readonly string[] Slices =
    [
        """
        DELETE FROM membership WHERE account = $1 AND mailbox = (SELECT MIN(mailbox) FROM membership WHERE account = $1) AND uid <= (
            SELECT MAX(uid) FROM (SELECT uid FROM membership WHERE account = $1
                AND mailbox = (SELECT MIN(mailbox) FROM membership WHERE account = $1) ORDER BY uid LIMIT 2000) AS slice)
        """,
        """
        DELETE FROM change WHERE account = $1 AND modseq <= (
            SELECT MAX(modseq) FROM (SELECT modseq FROM change WHERE account = $1 ORDER BY modseq LIMIT 2000) AS slice)
        """,
        """
        DELETE FROM thread_key WHERE account = $1 AND hash <= (
            SELECT MAX(hash) FROM (SELECT hash FROM thread_key WHERE account = $1 ORDER BY hash LIMIT 2000) AS slice)
        """,
        """
        DELETE FROM keyword_set WHERE account = $1 AND keyword_set <= (
            SELECT MAX(keyword_set) FROM (SELECT keyword_set FROM keyword_set WHERE account = $1 ORDER BY keyword_set LIMIT 2000) AS slice)
        """,
        "DELETE FROM acl WHERE account = $1",
        "DELETE FROM url_key WHERE account = $1",
        "DELETE FROM annotation WHERE account = $1 OR owner = $1",
        "DELETE FROM subscription WHERE account = $1",
        "DELETE FROM mailbox WHERE account = $1",
    ];

    /// <summary>The number of Emails deleted.</summary>
    public async Task<long> RunAsync(AccountId account, CancellationToken ct)
    {
        var emails = 0L;
        int slice;
        do
        {
            slice = await db.WriteAsync(tx => RemoveEmails(tx, account), ct);
            emails += slice;
        }
        while (slice > 0);
        foreach (var sql in Slices)
        {
            while (await db.WriteAsync(tx => tx.Prepare(sql).Bind(account.Value).Execute(), ct) > 0)
            {
            }
        }

        await db.WriteAsync(tx => tx.Prepare("DELETE FROM account_state WHERE account = $1 AND removed = 1").Bind(account.Value).Execute(), ct);
        return emails;
    }

    private int RemoveEmails(Transaction tx, AccountId account)
    {
        tx.LockAccount(account);
        var found = new List<(long Key, BlobId Blob)>();
        using (var rows = tx.Prepare("SELECT id, blob FROM email WHERE id BETWEEN $1 AND $2 ORDER BY id LIMIT $3")
            .Bind(EmailTable.FirstKey(account)).Bind(EmailTable.LastKey(account)).Bind(StoreLimits.ExpungesPerAction).Query())
        {
            while (rows.Next()) found.Add((rows.Int64(0), new BlobId(rows.Blob(1))));
        }

        Uploads.Forget(tx, account, blobs);
        if (found.Count == 0) return 0;
        foreach (var (key, blob) in found) blobs.Unlink(tx, account, blob, EmailTable.Owner(EmailTable.EmailOf(key)));
        tx.Prepare("DELETE FROM email WHERE id BETWEEN $1 AND $2").Bind(found[0].Key).Bind(found[^1].Key).Execute();
        return found.Count;
    }
}
