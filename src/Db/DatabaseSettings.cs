namespace Posthorn.Db;

public enum DatabaseKind
{
    Sqlite,
    Postgres,
}

/// <summary>Where a database is and how much it may use.</summary>
public sealed record DatabaseSettings
{
    /// <summary>
    /// <c>sqlite:</c> (the file <see cref="Name"/>.db in <see cref="Directory"/>) or
    /// <c>postgres://user[:password]@host[:port]/database[?option=value…]</c>.
    /// </summary>
    public string Url { get; init; } = "sqlite:";

    /// <summary>The data directory, created if need be.</summary>
    public required string Directory { get; init; }

    /// <summary>The SQLite file without its suffix, or the PostgreSQL schema.</summary>
    public string Name { get; init; } = "posthorn";

    /// <summary>False for what can be rebuilt (the search index): commits are ordered but not synced one by one.</summary>
    public bool Durable { get; init; } = true;

    /// <summary>Page cache of the SQLite writer; each reader has an eighth of it.</summary>
    public int CacheSizeBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>The SQLite write-ahead log is copied into the database when it holds this many bytes.</summary>
    public int CheckpointSizeBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>PostgreSQL connections for actions, and as many again for reads.</summary>
    public int ConnectionsMax { get; init; } = 16;

    /// <summary>How long an action waits for a lost PostgreSQL to come back before it is refused.</summary>
    public TimeSpan ReconnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    internal DatabaseKind Kind => TryKind(Url, out var kind)
        ? kind
        : throw new InvalidOperationException("The database URL must start with sqlite: or postgres://");

    internal string FilePath => Path.Combine(Directory, Name + ".db");

    /// <summary>What the URL's scheme names; false for a scheme that is none of ours.</summary>
    public static bool TryKind(string url, out DatabaseKind kind)
    {
        kind = url.StartsWith("sqlite:", StringComparison.Ordinal) ? DatabaseKind.Sqlite : DatabaseKind.Postgres;
        return kind == DatabaseKind.Sqlite
            || url.StartsWith("postgres://", StringComparison.Ordinal)
            || url.StartsWith("postgresql://", StringComparison.Ordinal);
    }
}
