using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Posthorn.Db;

/// <summary>A command prepared on the server at its first use. Rows are read from the wire as they are asked for.</summary>
internal sealed class PostgresStatement(PostgresConnection connection, string sql, NpgsqlCommand command) : Statement
{
    private NpgsqlDataReader? _reader;
    private Queue<object?[]>? _fetched;
    private object?[]? _row;
    private byte[]? _bytes;
    private int _bytesColumn = -1;
    private int _bound;
    private bool _prepared;
    private bool _onRow;

    public string Sql => sql;

    public long LastUse { get; set; }

    public bool Busy { get; private set; }

    public PostgresStatement? Spare { get; set; }

    public override Statement Bind(long value) => Set(NpgsqlDbType.Bigint, value);

    public override Statement Bind(long? value) => Set(NpgsqlDbType.Bigint, value);

    public override Statement Bind(string? value) => Set(NpgsqlDbType.Text, value);

    public override Statement Bind(ReadOnlySpan<byte> value) => Set(NpgsqlDbType.Bytea, value.ToArray());

    public override Statement Bind(byte[]? value) => Set(NpgsqlDbType.Bytea, value);

    public override int Execute()
    {
        Ready();
        try
        {
            return Math.Max(0, command.ExecuteNonQuery());
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, sql);
        }
        finally
        {
            Finish();
        }
    }

    public override long? Scalar()
    {
        Ready();
        try
        {
            return command.ExecuteScalar() switch
            {
                null or DBNull => null,
                var value => ToInt64(value),
            };
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, sql);
        }
        finally
        {
            Finish();
        }
    }

    public void Close()
    {
        Spare?.Close();
        command.Dispose();
    }

    /// <summary>The connection is wanted for another statement: the rest of the rows comes into memory.</summary>
    public void FetchRest()
    {
        if (_reader is not { } reader) return;
        try
        {
            // The row that is being looked at stays the current one.
            if (_row is null && Busy && _onRow) _row = Values(reader);
            _fetched = new Queue<object?[]>();
            while (reader.Read()) _fetched.Enqueue(Values(reader));
            reader.Dispose();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, sql);
        }
        finally
        {
            _reader = null;
            if (connection.Reading == this) connection.Reading = null;
        }
    }

    internal override void Start()
    {
        Ready();
        try
        {
            _reader = command.ExecuteReader();
            connection.Reading = this;
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            Finish();
            throw PostgresError.From(error, sql);
        }
    }

    internal override bool Step()
    {
        _bytesColumn = -1;
        _row = null;
        if (_fetched is not null) return _fetched.TryDequeue(out _row);
        if (_reader is null) return false;
        try
        {
            _onRow = _reader.Read();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, sql);
        }

        if (!_onRow) Finish();
        return _onRow;
    }

    internal override void Finish()
    {
        if (connection.Reading == this) connection.Reading = null;
        try
        {
            _reader?.Dispose();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            // The statement's own failure is on its way to the caller; a broken connection shows at the next use.
        }

        (_reader, _fetched, _row, _bytes, _bytesColumn, _bound, _onRow, Busy) = (null, null, null, null, -1, 0, false, false);
    }

    internal override bool ColumnIsNull(int column) => _row is { } row ? row[column] is null : _reader!.IsDBNull(column);

    internal override long ColumnInt64(int column)
    {
        if (_row is { } row) return row[column] is { } value ? ToInt64(value) : 0;
        if (_reader!.IsDBNull(column)) return 0;
        return _reader.GetFieldType(column) == typeof(long) ? _reader.GetInt64(column) : ToInt64(_reader.GetValue(column));
    }

    internal override string ColumnText(int column)
    {
        if (_row is { } row) return row[column] is string text ? text : string.Empty;
        return _reader!.IsDBNull(column) ? string.Empty : _reader.GetString(column);
    }

    internal override ReadOnlySpan<byte> ColumnBytes(int column)
    {
        if (_bytesColumn == column) return _bytes;
        var value = _row is { } row ? row[column] : _reader!.IsDBNull(column) ? null : _reader.GetValue(column);
        _bytes = value switch
        {
            byte[] bytes => bytes,
            string text => Encoding.UTF8.GetBytes(text),
            _ => [],
        };
        _bytesColumn = column;
        return _bytes;
    }

    private static long ToInt64(object value) => value switch
    {
        long number => number,
        int number => number,
        short number => number,
        decimal number => (long)number, // SUM(bigint) is numeric
        bool truth => truth ? 1 : 0,
        _ => throw new InvalidOperationException("The column is not a number"),
    };

    private static object?[] Values(NpgsqlDataReader reader)
    {
        var values = new object?[reader.FieldCount];
        for (var i = 0; i < values.Length; i++) values[i] = reader.IsDBNull(i) ? null : reader.GetValue(i);
        return values;
    }

    private PostgresStatement Set(NpgsqlDbType type, object? value)
    {
        Busy = true;
        if (_bound == command.Parameters.Count)
        {
            if (_prepared) throw new InvalidOperationException($"More parameters than before are bound in: {sql}");
            command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type });
        }

        var parameter = command.Parameters[_bound++];
        parameter.NpgsqlDbType = type;
        parameter.Value = value ?? DBNull.Value;
        return this;
    }

    private void Ready()
    {
        Busy = true;
        if (_bound != command.Parameters.Count)
        {
            var bound = _bound;
            Finish();
            throw new InvalidOperationException($"{bound} of {command.Parameters.Count} parameters are bound in: {sql}");
        }

        connection.Reading?.FetchRest();
        if (_prepared) return;
        try
        {
            command.Prepare();
            _prepared = true;
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            Finish();
            throw PostgresError.From(error, sql);
        }
    }
}
