using System.Text.RegularExpressions;

namespace Posthorn.Db;

/// <summary>What PostgreSQL spells differently. SqliteDialect is its twin.</summary>
internal static partial class PostgresDialect
{
    public const string MigrationTable =
        "CREATE TABLE IF NOT EXISTS migration (room TEXT NOT NULL, step BIGINT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (room, step))";

    /// <summary>One migration at a time: the key is any number that nobody else uses.</summary>
    public const string MigrationLock = "SELECT pg_advisory_xact_lock(7308900713)";

    /// <summary>Between the makers of data keys and the rotation of the root key.</summary>
    public const string VaultLock = "SELECT pg_advisory_xact_lock(7308900714)";
    public const string VaultLockShared = "SELECT pg_advisory_xact_lock_shared(7308900714)";

    public static string Translate(string statement) =>
        Integer().Replace(Blob().Replace(WithoutRowid().Replace(statement, string.Empty), "BYTEA"), "BIGINT");

    [GeneratedRegex(@"\s+WITHOUT\s+ROWID\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex WithoutRowid();

    /// <summary>The type, not a column or table of that name: it follows a name and a blank, and is written in capitals.</summary>
    [GeneratedRegex(@"(?<=\w\s+)BLOB\b", RegexOptions.CultureInvariant)]
    private static partial Regex Blob();

    [GeneratedRegex(@"(?<=\w\s+)INTEGER\b", RegexOptions.CultureInvariant)]
    private static partial Regex Integer();
}
