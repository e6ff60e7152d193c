using System.Net;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Directory;

/// <summary>The rows of app passwords.</summary>
internal static class AppPasswordTable
{
    private const string Columns = """
        id, account, label, scopes, networks, created, created_by, expires, used, used_from, used_by, used_client, uses, revoked, hash, scram_sha256,
        scram_sha1
        """;

    public static StoredAppPassword? Find(Snapshot db, string id)
    {
        using var rows = db.Prepare($"SELECT {Columns} FROM app_password WHERE id = $1").Bind(id).Query();
        return rows.Next() ? Row(rows) : null;
    }

    /// <summary>The oldest first.</summary>
    public static List<StoredAppPassword> Of(Snapshot db, AccountId account)
    {
        var found = new List<StoredAppPassword>();
        using var rows = db.Prepare($"SELECT {Columns} FROM app_password WHERE account = $1 ORDER BY created, id").Bind(account.Value).Query();
        while (rows.Next()) found.Add(Row(rows));
        return found;
    }

    public static void Insert(Transaction tx, AppPassword password, byte[] hash, IReadOnlyList<ScramVerifier> scram) => tx.Prepare("""
            INSERT INTO app_password (id, account, label, scopes, networks, created, created_by, expires, uses, hash, scram_sha256, scram_sha1)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11)
            """)
        .Bind(password.Id).Bind(password.Account.Value).Bind(password.Label).Bind((long)password.Scopes).Bind(password.Networks.ToString())
        .Bind(password.CreatedAt).Bind(password.CreatedBy).Bind(password.ExpiresAt?.ToUnixTimeMilliseconds()).Bind(hash)
        .Bind(TextOf(scram, ScramHash.Sha256)).Bind(TextOf(scram, ScramHash.Sha1)).Execute();

    public static int Revoke(Transaction tx, string id) =>
        tx.Prepare("UPDATE app_password SET revoked = $1 WHERE id = $2 AND revoked IS NULL").Bind(tx.Now).Bind(id).Execute();

    public static void Used(Transaction tx, string id, DeviceUse use, long count) => tx.Prepare("""
            UPDATE app_password SET used = $1, used_from = $2, used_by = $3, uses = uses + $4,
                used_client = CASE WHEN $5 = '' THEN used_client ELSE $5 END
            WHERE id = $6
            """)
        .Bind(use.At).Bind(use.Remote?.Unmapped().ToString() ?? "").Bind(use.Protocol).Bind(count).Bind(use.Client).Bind(id).Execute();

    public static void Forget(Transaction tx, AccountId account) =>
        tx.Prepare("DELETE FROM app_password WHERE account = $1").Bind(account.Value).Execute();

    public static int Purge(Transaction tx, DateTimeOffset before) =>
        tx.Prepare("DELETE FROM app_password WHERE revoked < $1 OR expires < $1").Bind(before).Execute();

    private static string TextOf(IReadOnlyList<ScramVerifier> scram, ScramHash hash) => scram.First(verifier => verifier.Hash == hash).ToString();

    private static StoredAppPassword Row(Rows rows)
    {
        var client = rows.NullableText(11) ?? "";
        var use = rows.IsNull(8) ? null
            : new DeviceUse(rows.Time(8), IPAddress.TryParse(rows.Text(9), out var remote) ? remote : null, rows.Text(10), client);
        var password = new AppPassword(
            rows.Text(0), new AccountId(rows.Int64(1)), rows.Text(2), (AppScopes)rows.Int64(3), AllowedNetworks.Stored(rows.Text(4)),
            rows.Time(5), rows.Text(6), rows.IsNull(7) ? null : rows.Time(7))
        {
            LastUse = use,
            Uses = rows.Int64(12),
            RevokedAt = rows.IsNull(13) ? null : rows.Time(13),
        };
        return new StoredAppPassword(password, rows.Blob(14).ToArray(), rows.Text(15), rows.Text(16));
    }
}

/// <summary>With what decides whether a secret is right.</summary>
internal sealed record StoredAppPassword(AppPassword Password, byte[] Hash, string ScramSha256, string ScramSha1)
{
    public ScramVerifier? Scram(ScramHash hash) =>
        ScramVerifier.TryParse(hash == ScramHash.Sha256 ? ScramSha256 : ScramSha1, out var verifier) ? verifier : null;

    /// <summary>Why the right secret does not open; null when it does.</summary>
    public DeviceRefusal? Judge(in LoginContext context, LoginPolicy policy, DateTimeOffset now)
    {
        if (Password.RevokedAt is not null) return DeviceRefusal.Revoked;
        if (Password.ExpiresAt <= now) return DeviceRefusal.Expired;
        if (policy == LoginPolicy.OAuth) return DeviceRefusal.ByPolicy;
        if (!AppScopeNames.TryParse(context.Protocol, out var scope) || !Password.Scopes.HasFlag(scope)) return DeviceRefusal.WrongScope;
        return Password.Networks.Contains(context.Remote) ? null : DeviceRefusal.WrongNetwork;
    }
}
