using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>One connection, used by one thread at a time, and its prepared statements.</summary>
internal sealed unsafe class SqliteConnection : IDisposable
{
    private const int StatementsMax = 512;

    private readonly Dictionary<string, SqliteStatement> _statements = new(SqlTextComparer.Instance);
    private nint _db;
    private long _uses;
    private int* _walPages;

    private SqliteConnection(string path, ILogger log) => (Path, Logger) = (path, log);

    public string Path { get; }

    public ILogger Logger { get; }

    public nint Handle => _db;

    /// <summary>Pages in the write-ahead log after this connection's last commit.</summary>
    public int WalPages => _walPages == null ? 0 : *_walPages;

    /// <summary>Statements between their start and their end. One that is left so would hold the snapshot for ever.</summary>
    public int Running { get; set; }

    /// <summary>False inside a transaction; true in the middle of one means that SQLite has rolled it back by itself.</summary>
    public bool Idle => Sqlite3.sqlite3_get_autocommit(_db) != 0;

    public static SqliteConnection Open(string path, ILogger log)
    {
        var connection = new SqliteConnection(path, log);
        nint db;
        int code;
        fixed (byte* name = Encoding.UTF8.GetBytes(path + "\0"))
        {
            var flags = Sqlite3.OpenReadWrite | Sqlite3.OpenCreate | Sqlite3.OpenNoMutex | Sqlite3.OpenExtendedResultCodes;
            code = Sqlite3.sqlite3_open_v2(name, &db, flags, null);
        }

        connection._db = db;
        if (code == Sqlite3.Ok)
        {
            _ = Sqlite3.sqlite3_busy_timeout(db, 2000);
            return connection;
        }

        var error = SqliteError.From(connection, code, "open");
        connection.Dispose();
        throw error;
    }

    /// <summary>From now on this connection's commits report the length of the write-ahead log.</summary>
    public void WatchWal()
    {
        _walPages = (int*)NativeMemory.AllocZeroed(sizeof(int));
        _ = Sqlite3.sqlite3_wal_hook(_db, &OnWal, (nint)_walPages);
    }

    public SqliteStatement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            if (_statements.Count >= StatementsMax) EvictOldest();
            statement = new SqliteStatement(this, sql, Compile(sql));
            _statements.Add(sql, statement);
        }

        while (statement.Busy) statement = statement.Spare ??= new SqliteStatement(this, sql, Compile(sql));
        statement.LastUse = ++_uses;
        return statement;
    }

    /// <summary>Ends what an exception, or a forgotten Dispose, has left half done.</summary>
    public void ResetStatements()
    {
        foreach (var first in _statements.Values)
        {
            for (var statement = first; statement is not null; statement = statement.Spare)
            {
                if (statement.Busy) statement.Finish();
            }
        }
    }

    /// <summary>Runs statements that need no parameters and are used once: pragmas and DDL.</summary>
    public void Run(string script)
    {
        fixed (byte* text = Encoding.UTF8.GetBytes(script + "\0"))
        {
            var next = text;
            while (*next != 0)
            {
                nint statement;
                byte* tail;
                var code = Sqlite3.sqlite3_prepare_v3(_db, next, -1, 0, &statement, &tail);
                if (code != Sqlite3.Ok) throw SqliteError.From(this, code, script);
                next = tail;
                if (statement == 0) continue;
                do code = Sqlite3.sqlite3_step(statement);
                while (code == Sqlite3.Row);
                var error = code == Sqlite3.Done ? null : SqliteError.From(this, code, script);
                _ = Sqlite3.sqlite3_finalize(statement);
                if (error is not null) throw error;
            }
        }
    }

    /// <summary>The result code; frames in the log and frames copied. A code other than 0 is left to the caller.</summary>
    public int Checkpoint(int mode, out int frames, out int copied)
    {
        int log, done;
        var code = Sqlite3.sqlite3_wal_checkpoint_v2(_db, null, mode, &log, &done);
        (frames, copied) = (log, done);
        return code;
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values) statement.Close();
        _statements.Clear();
        if (_db != 0) _ = Sqlite3.sqlite3_close_v2(_db);
        _db = 0;
        NativeMemory.Free(_walPages);
        _walPages = null;
    }

    private nint Compile(string sql)
    {
        nint statement;
        int code;
        fixed (byte* text = Encoding.UTF8.GetBytes(sql + "\0"))
        {
            code = Sqlite3.sqlite3_prepare_v3(_db, text, -1, Sqlite3.PreparePersistent, &statement, null);
        }

        if (code != Sqlite3.Ok) throw SqliteError.From(this, code, sql);
        var count = Sqlite3.sqlite3_bind_parameter_count(statement);
        for (var i = 1; i <= count; i++)
        {
            var name = Marshal.PtrToStringUTF8((nint)Sqlite3.sqlite3_bind_parameter_name(statement, i));
            if (name == string.Create(System.Globalization.CultureInfo.InvariantCulture, $"${i}")) continue;
            _ = Sqlite3.sqlite3_finalize(statement);
            throw new DatabaseException($"Parameter {i} is {name}: number them $1, $2 … by first appearance in: {sql}", false);
        }

        return statement;
    }

    private void EvictOldest()
    {
        var oldest = _statements.Values.Where(s => !s.Busy).MinBy(s => s.LastUse);
        if (oldest is null) return;
        _statements.Remove(oldest.Sql);
        oldest.Close();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OnWal(nint context, nint db, byte* name, int pages)
    {
        *(int*)context = pages;
        return Sqlite3.Ok;
    }

    /// <summary>Texts are long, few and mostly the same objects: a sampled hash, then reference equality, then contents.</summary>
    private sealed class SqlTextComparer : IEqualityComparer<string>
    {
        public static readonly SqlTextComparer Instance = new();

        public bool Equals(string? x, string? y) => string.Equals(x, y, StringComparison.Ordinal);

        public int GetHashCode(string obj)
        {
            var hash = (uint)obj.Length;
            var step = obj.Length / 16 + 1;
            for (var i = obj.Length - 1; i >= 0; i -= step) hash = (hash ^ obj[i]) * 16777619;
            return (int)hash;
        }
    }
}
