using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The stored secrets of accounts. Kind 0 is the account's own password, of which there is one.</summary>
internal static class Credentials
{
    private const long PasswordKind = 0;

    private const string InsertSql = """
        INSERT INTO credential (account, credential, kind, label, hash, scopes, networks, created)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        """;

    /// <summary>Replaces the password and what SCRAM has of the old one.</summary>
    public static void SetPassword(Transaction tx, AccountId account, PasswordSecrets secrets, bool withScram)
    {
        SetHash(tx, account, secrets.Hash);
        DeleteScram(tx, account);
        if (withScram) InsertScram(tx, account, secrets.Scram);
    }

    public static ScramVerifier? Scram(Snapshot db, AccountId account, ScramHash hash)
    {
        using var rows = db.Prepare("SELECT hash FROM credential WHERE account = $1 AND kind = $2")
            .Bind(account.Value).Bind(hash.CredentialKind).Query();
        return rows.Next() && ScramVerifier.TryParse(rows.Text(0), out var verifier) ? verifier : null;
    }

    /// <summary>Adds what was made from a password, unless it has been changed meanwhile.</summary>
    public static bool AddScram(Transaction tx, AccountId account, string stored, IReadOnlyList<ScramVerifier> verifiers)
    {
        if (Password(tx, account) != stored) return false;
        DeleteScram(tx, account);
        InsertScram(tx, account, verifiers);
        return true;
    }

    /// <summary>Forgets the verifiers of some accounts of a domain.</summary>
    /// <returns>How many rows; 0 when there are no more.</returns>
    public static int ForgetScram(Transaction tx, Domain domain, int max) => tx.Prepare(
            """
            DELETE FROM credential WHERE kind IN ($1, $2) AND account IN (
                SELECT a.account FROM account a WHERE a.domain = $3
                    AND EXISTS (SELECT 1 FROM credential c WHERE c.account = a.account AND c.kind IN ($1, $2)) LIMIT $4)
            """)
        .Bind(ScramHash.Sha256.CredentialKind).Bind(ScramHash.Sha1.CredentialKind).Bind(domain.Ascii).Bind(max).Execute();

    private static void DeleteScram(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM credential WHERE account = $1 AND kind IN ($2, $3)")
            .Bind(account.Value).Bind(ScramHash.Sha256.CredentialKind).Bind(ScramHash.Sha1.CredentialKind).Execute();

    private static void InsertScram(Transaction tx, AccountId account, IReadOnlyList<ScramVerifier> verifiers)
    {
        foreach (var verifier in verifiers) Insert(tx, account, verifier.Hash.CredentialKind, verifier.ToString());
    }

    private static void SetHash(Transaction tx, AccountId account, string hash)
    {
        var changed = tx.Prepare("UPDATE credential SET hash = $1, created = $2 WHERE account = $3 AND kind = $4")
            .Bind(hash).Bind(tx.Now).Bind(account.Value).Bind(PasswordKind).Execute();
        if (changed > 0) return;
        Insert(tx, account, PasswordKind, hash);
    }

    private static void Insert(Transaction tx, AccountId account, long kind, string hash) =>
        tx.Prepare(InsertSql)
            .Bind(account.Value).Bind(Names.Next(tx, "credential")).Bind(kind).Bind("").Bind(hash).Bind("").Bind("").Bind(tx.Now).Execute();

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

/// <summary>All that is stored of a password.</summary>
/// <param name="Scram">Empty where it is not wanted.</param>
internal sealed record PasswordSecrets(string Hash, IReadOnlyList<ScramVerifier> Scram);
