using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The stored secrets of accounts. Kind 0 is the account's own password, of which there is one.</summary>
internal static class Credentials
{
    private const long PasswordKind = 0;

    public static void SetPassword(Transaction tx, AccountId account, string hash)
    {
        var changed = tx.Prepare("UPDATE credential SET hash = $1, created = $2 WHERE account = $3 AND kind = $4")
            .Bind(hash).Bind(tx.Now).Bind(account.Value).Bind(PasswordKind).Execute();
        if (changed > 0) return;
        tx.Prepare(
                """
                INSERT INTO credential (account, credential, kind, label, hash, scopes, networks, created)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                """)
            .Bind(account.Value).Bind(Names.Next(tx, "credential")).Bind(PasswordKind).Bind("").Bind(hash).Bind("").Bind("").Bind(tx.Now).Execute();
    }

    /// <summary>Stores a costlier hash of the same password, unless the password has been changed meanwhile.</summary>
    public static int Upgrade(Transaction tx, AccountId account, string old, string hash) =>
        tx.Prepare("UPDATE credential SET hash = $1 WHERE account = $2 AND kind = $3 AND hash = $4")
            .Bind(hash).Bind(account.Value).Bind(PasswordKind).Bind(old).Execute();

    public static string? Password(Snapshot db, AccountId account)
    {
        using var rows = db.Prepare("SELECT hash FROM credential WHERE account = $1 AND kind = $2").Bind(account.Value).Bind(PasswordKind).Query();
        return rows.Next() ? rows.Text(0) : null;
    }
}
