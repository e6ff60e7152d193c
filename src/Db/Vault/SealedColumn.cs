namespace Posthorn.Db;

/// <summary>
/// Where a room keeps sealed values: a BLOB column, null where there is none, of a table whose primary key is made of BIGINT
/// columns.
/// </summary>
public sealed class SealedColumn
{
    private readonly string _read;
    private readonly string _replace;
    private readonly string _any;

    /// <param name="purpose">What the values are, for example <c>dkim</c>; no NUL.</param>
    /// <param name="table">This and the columns' names are constants of the room: they become part of statements.</param>
    public SealedColumn(string purpose, string table, string column, params IReadOnlyList<string> keys)
    {
        ArgumentOutOfRangeException.ThrowIfZero(keys.Count);
        if (purpose.Contains('\0', StringComparison.Ordinal)) throw new ArgumentException("A purpose holds no NUL", nameof(purpose));
        (Purpose, Keys) = (purpose, keys);
        var list = string.Join(", ", keys);
        var numbers = string.Join(", ", keys.Select((_, i) => Parameter(i + 1)));
        var same = string.Join(" AND ", keys.Select((key, i) => $"{key} = {Parameter(i + 2)}"));
        _read = $"SELECT {list}, {column} FROM {table} "
            + $"WHERE ({list}) > ({numbers}) AND {column} IS NOT NULL ORDER BY {list} LIMIT {Parameter(keys.Count + 1)}";
        _replace = $"UPDATE {table} SET {column} = $1 WHERE {same} AND {column} = {Parameter(keys.Count + 2)}";
        _any = $"SELECT 1 FROM {table} WHERE substr({column}, 1, {Vault.HeadBytes}) = $1 LIMIT 1";
    }

    public string Purpose { get; }

    internal IReadOnlyList<string> Keys { get; }

    internal List<(long[] Row, byte[] Value)> Read(Transaction tx, ReadOnlySpan<long> after, int count)
    {
        var found = new List<(long[], byte[])>();
        var statement = tx.Prepare(_read);
        foreach (var key in after) statement.Bind(key);
        using var rows = statement.Bind(count).Query();
        while (rows.Next())
        {
            var row = new long[Keys.Count];
            for (var i = 0; i < row.Length; i++) row[i] = rows.Int64(i);
            found.Add((row, rows.Blob(row.Length).ToArray()));
        }

        return found;
    }

    /// <summary>Only while the row still holds the old value.</summary>
    internal void Replace(Transaction tx, ReadOnlySpan<long> row, byte[] old, byte[] value)
    {
        var statement = tx.Prepare(_replace).Bind(value);
        foreach (var key in row) statement.Bind(key);
        statement.Bind(old).Execute();
    }

    internal bool AnyStartsWith(Transaction tx, ReadOnlySpan<byte> head) => tx.Prepare(_any).Bind(head).Scalar() is not null;

    private static string Parameter(int number) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"${number}");
}
