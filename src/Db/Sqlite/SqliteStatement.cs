using System.Buffers;
using System.Text;

namespace Posthorn.Db;

/// <summary>A statement over sqlite3_stmt. Nothing on its way allocates but the strings a caller asks for.</summary>
internal sealed unsafe class SqliteStatement : Statement
{
    private const int KeptBindingBytesMax = 4096;

    private readonly SqliteConnection _connection;
    private readonly int _parameters;
    private nint _statement;
    private int _bound;
    private bool _running;
    private bool _largeBinding;

    public SqliteStatement(SqliteConnection connection, string sql, nint statement)
    {
        (_connection, Sql, _statement) = (connection, sql, statement);
        _parameters = Sqlite3.sqlite3_bind_parameter_count(statement);
    }

    public string Sql { get; }

    public long LastUse { get; set; }

    /// <summary>Between its first binding and its end: a second use of the same text meanwhile needs a spare.</summary>
    public bool Busy => _running || _bound > 0;

    public SqliteStatement? Spare { get; set; }

    public override Statement Bind(long value)
    {
        Check(Sqlite3.sqlite3_bind_int64(_statement, ++_bound, value));
        return this;
    }

    public override Statement Bind(long? value)
    {
        Check(value is { } number
            ? Sqlite3.sqlite3_bind_int64(_statement, ++_bound, number)
            : Sqlite3.sqlite3_bind_null(_statement, ++_bound));
        return this;
    }

    public override Statement Bind(string? value)
    {
        if (value is null)
        {
            Check(Sqlite3.sqlite3_bind_null(_statement, ++_bound));
            return this;
        }

        var rented = value.Length > 256 ? ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(value.Length)) : null;
        var buffer = rented ?? stackalloc byte[768];
        var length = Encoding.UTF8.GetBytes(value, buffer);
        _largeBinding |= length > KeptBindingBytesMax;
        int code;
        fixed (byte* bytes = buffer) code = Sqlite3.sqlite3_bind_text(_statement, ++_bound, bytes, length, Sqlite3.Transient);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        Check(code);
        return this;
    }

    public override Statement Bind(ReadOnlySpan<byte> value)
    {
        byte none;
        int code;
        _largeBinding |= value.Length > KeptBindingBytesMax;
        fixed (byte* bytes = value)
        {
            // A null pointer would bind NULL; an empty blob is a value.
            code = Sqlite3.sqlite3_bind_blob(_statement, ++_bound, bytes == null ? &none : bytes, value.Length, Sqlite3.Transient);
        }

        Check(code);
        return this;
    }

    public override Statement Bind(byte[]? value)
    {
        if (value is not null) return Bind(value.AsSpan());
        Check(Sqlite3.sqlite3_bind_null(_statement, ++_bound));
        return this;
    }

    public override int Execute()
    {
        Start();
        try
        {
            while (Step())
            {
            }

            return (int)Sqlite3.sqlite3_changes64(_connection.Handle);
        }
        finally
        {
            Finish();
        }
    }

    public override long? Scalar()
    {
        Start();
        try
        {
            if (!Step()) return null;
            long? value = ColumnIsNull(0) ? null : ColumnInt64(0);

            // INSERT … RETURNING has done its work at the first row; stepping on is what makes the statement complete.
            while (Step())
            {
            }

            return value;
        }
        finally
        {
            Finish();
        }
    }

    public void Close()
    {
        Spare?.Close();
        _ = Sqlite3.sqlite3_finalize(_statement);
        _statement = 0;
    }

    internal override void Start()
    {
        if (_bound != _parameters)
        {
            var bound = _bound;
            Finish();
            throw new InvalidOperationException($"{bound} of {_parameters} parameters are bound in: {Sql}");
        }

        _running = true;
        _connection.Running++;
    }

    internal override bool Step()
    {
        if (!_running) return false;
        var code = Sqlite3.sqlite3_step(_statement);
        if (code == Sqlite3.Row) return true;
        if (code == Sqlite3.Done)
        {
            Finish();
            return false;
        }

        var error = SqliteError.From(_connection, code, Sql);
        Finish();
        throw error;
    }

    internal override void Finish()
    {
        if (_statement == 0) return;
        if (_running)
        {
            _ = Sqlite3.sqlite3_reset(_statement);
            _connection.Running--;
        }

        if (_largeBinding) _ = Sqlite3.sqlite3_clear_bindings(_statement);
        _largeBinding = false;
        _running = false;
        _bound = 0;
    }

    internal override bool ColumnIsNull(int column) => Sqlite3.sqlite3_column_type(_statement, column) == Sqlite3.TypeNull;

    internal override long ColumnInt64(int column) => Sqlite3.sqlite3_column_int64(_statement, column);

    internal override string ColumnText(int column)
    {
        var bytes = ColumnBytes(column);
        return bytes.IsEmpty ? string.Empty : Encoding.UTF8.GetString(bytes);
    }

    internal override ReadOnlySpan<byte> ColumnBytes(int column)
    {
        var bytes = Sqlite3.sqlite3_column_blob(_statement, column);
        return bytes == null ? default : new ReadOnlySpan<byte>(bytes, Sqlite3.sqlite3_column_bytes(_statement, column));
    }

    private void Check(int code)
    {
        if (code == Sqlite3.Ok) return;
        var error = SqliteError.From(_connection, code, Sql);
        Finish();
        throw error;
    }
}
