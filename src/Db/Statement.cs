namespace Posthorn.Db;

/// <summary>
/// A prepared statement: bind each parameter in order, then Execute, Scalar or Query once. Those reset it for its next use.
/// Booleans are stored as 0 and 1, times as Unix milliseconds.
/// </summary>
public abstract class Statement
{
    private protected Statement()
    {
    }

    public abstract Statement Bind(long value);

    public abstract Statement Bind(long? value);

    public Statement Bind(bool value) => Bind(value ? 1L : 0L);

    public Statement Bind(DateTimeOffset value) => Bind(value.ToUnixTimeMilliseconds());

    /// <summary>Text without NUL characters.</summary>
    public abstract Statement Bind(string? value);

    /// <summary>A blob.</summary>
    public abstract Statement Bind(ReadOnlySpan<byte> value);

    /// <summary>A blob, or NULL.</summary>
    public abstract Statement Bind(byte[]? value);

    /// <summary>The number of rows changed.</summary>
    public abstract int Execute();

    /// <summary>The first column of the first row as a number; null when there is no row or the value is NULL.</summary>
    public abstract long? Scalar();

    public Rows Query()
    {
        Start();
        return new Rows(this);
    }

    internal abstract void Start();

    internal abstract bool Step();

    internal abstract void Finish();

    internal abstract bool ColumnIsNull(int column);

    internal abstract long ColumnInt64(int column);

    internal abstract string ColumnText(int column);

    /// <summary>Valid until the next step.</summary>
    internal abstract ReadOnlySpan<byte> ColumnBytes(int column);
}

/// <summary>The rows of a query: <c>using var rows = …Query(); while (rows.Next()) …</c>. Disposing resets the statement.</summary>
public readonly ref struct Rows
{
    private readonly Statement _statement;

    internal Rows(Statement statement) => _statement = statement;

    public bool Next() => _statement.Step();

    public bool IsNull(int column) => _statement.ColumnIsNull(column);

    /// <summary>0 for NULL.</summary>
    public long Int64(int column) => _statement.ColumnInt64(column);

    public long? NullableInt64(int column) => _statement.ColumnIsNull(column) ? null : _statement.ColumnInt64(column);

    public bool Bool(int column) => _statement.ColumnInt64(column) != 0;

    public DateTimeOffset Time(int column) => DateTimeOffset.FromUnixTimeMilliseconds(_statement.ColumnInt64(column));

    /// <summary>Empty for NULL.</summary>
    public string Text(int column) => _statement.ColumnText(column);

    public string? NullableText(int column) => _statement.ColumnIsNull(column) ? null : _statement.ColumnText(column);

    /// <summary>A blob, or a text's UTF-8; empty for NULL. Valid until Next or Dispose.</summary>
    public ReadOnlySpan<byte> Blob(int column) => _statement.ColumnBytes(column);

    public void Dispose() => _statement.Finish();
}
