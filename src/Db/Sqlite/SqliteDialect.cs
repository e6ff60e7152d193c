namespace Posthorn.Db;

/// <summary>What SQLite spells differently. PostgresDialect is its twin.</summary>
internal static class SqliteDialect
{
    public const string MigrationTable =
        """
        CREATE TABLE IF NOT EXISTS migration (
            room TEXT NOT NULL, step BIGINT NOT NULL, applied_at BIGINT NOT NULL, PRIMARY KEY (room, step)) WITHOUT ROWID
        """;

    /// <summary>The rowid is the identity: it costs no second index. A number may be used again after the last row is deleted.</summary>
    public static string Translate(string statement) => statement.Replace(
        "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY", "INTEGER PRIMARY KEY", StringComparison.OrdinalIgnoreCase);
}
