using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging;

namespace Posthorn.Db;

/// <summary>What a SQLite result code means to the caller.</summary>
internal static class SqliteError
{
    /// <summary>The exception for a result code; a failed sync does not come back from here.</summary>
    public static unsafe Exception From(SqliteConnection connection, int code, string doing)
    {
        var db = connection.Handle;
        var extended = db == 0 ? code : Math.Max(code, Sqlite3.sqlite3_extended_errcode(db));
        var primary = extended & 0xff;
        var error = db == 0 ? 0 : Sqlite3.sqlite3_system_errno(db);
        var text = db == 0 ? "error " + code : Marshal.PtrToStringUTF8((nint)Sqlite3.sqlite3_errmsg(db));
        if (extended is Sqlite3.IoErrorFsync or Sqlite3.IoErrorDirectoryFsync)
            return FatalStorage.Exit(connection.Logger, connection.Path, error);

        var fault = primary switch
        {
            Sqlite3.Full => DatabaseFault.NoSpace,
            Sqlite3.IoError when error == Posix.NoSpace => DatabaseFault.NoSpace,
            Sqlite3.Busy or Sqlite3.Locked => DatabaseFault.Locked,
            Sqlite3.Corrupt or Sqlite3.NotADatabase => DatabaseFault.Corrupt,
            Sqlite3.IoError or Sqlite3.ReadOnly or Sqlite3.CannotOpen => DatabaseFault.Device,
            _ => (DatabaseFault?)null,
        };
        return fault is { } known
            ? new DatabaseUnavailableException(known, Sentence(known, connection.Path, text))
            : new DatabaseException(
                $"{text} (SQLite {extended}) in: {doing}",
                extended is Sqlite3.ConstraintPrimaryKey or Sqlite3.ConstraintUnique);
    }

    private static string Sentence(DatabaseFault fault, string path, string? text) => fault switch
    {
        DatabaseFault.NoSpace => $"No space left to write {path}",
        DatabaseFault.Locked => $"{path} is locked by another process",
        DatabaseFault.Corrupt => $"{path} is damaged: {text}",
        _ => $"{path} cannot be read or written: {text}",
    };
}
