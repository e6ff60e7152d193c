using System.Runtime.InteropServices;

namespace Posthorn.Db;

/// <summary>
/// The part of the SQLite C interface that this room uses, over raw pointers. Calls that only read or write memory already at hand skip the
/// transition to preemptive mode; whatever may touch a file or allocate much must not.
/// </summary>
internal static unsafe partial class Sqlite3
{
    public const int Ok = 0;
    public const int Busy = 5;
    public const int Locked = 6;
    public const int ReadOnly = 8;
    public const int IoError = 10;
    public const int Corrupt = 11;
    public const int Full = 13;
    public const int CannotOpen = 14;
    public const int Constraint = 19;
    public const int NotADatabase = 26;
    public const int Row = 100;
    public const int Done = 101;
    public const int IoErrorFsync = 1034;
    public const int IoErrorDirectoryFsync = 1290;
    public const int ConstraintPrimaryKey = 1555;
    public const int ConstraintUnique = 2067;

    public const int TypeNull = 5;

    public const int OpenReadWrite = 2;
    public const int OpenCreate = 4;
    public const int OpenNoMutex = 0x8000;
    public const int OpenExtendedResultCodes = 0x02000000;

    public const int CheckpointPassive = 0;
    public const int CheckpointRestart = 2;
    public const int CheckpointTruncate = 3;

    public const uint PreparePersistent = 1;

    private const string Library = "e_sqlite3";

    public static nint Transient => -1;

    [LibraryImport(Library)]
    public static partial int sqlite3_open_v2(byte* file, nint* db, int flags, byte* vfs);

    [LibraryImport(Library)]
    public static partial int sqlite3_close_v2(nint db);

    [LibraryImport(Library)]
    public static partial int sqlite3_prepare_v3(nint db, byte* sql, int length, uint flags, nint* statement, byte** tail);

    [LibraryImport(Library)]
    public static partial int sqlite3_step(nint statement);

    [LibraryImport(Library)]
    public static partial int sqlite3_reset(nint statement);

    [LibraryImport(Library)]
    public static partial int sqlite3_finalize(nint statement);

    [LibraryImport(Library)]
    public static partial int sqlite3_clear_bindings(nint statement);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int sqlite3_bind_int64(nint statement, int index, long value);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int sqlite3_bind_null(nint statement, int index);

    [LibraryImport(Library)]
    public static partial int sqlite3_bind_blob(nint statement, int index, byte* value, int length, nint destructor);

    [LibraryImport(Library)]
    public static partial int sqlite3_bind_text(nint statement, int index, byte* value, int length, nint destructor);

    [LibraryImport(Library)]
    public static partial int sqlite3_bind_parameter_count(nint statement);

    [LibraryImport(Library)]
    public static partial byte* sqlite3_bind_parameter_name(nint statement, int index);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int sqlite3_column_type(nint statement, int column);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial long sqlite3_column_int64(nint statement, int column);

    [LibraryImport(Library)]
    public static partial byte* sqlite3_column_blob(nint statement, int column);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int sqlite3_column_bytes(nint statement, int column);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial long sqlite3_changes64(nint db);

    [LibraryImport(Library)]
    [SuppressGCTransition]
    public static partial int sqlite3_get_autocommit(nint db);

    [LibraryImport(Library)]
    public static partial int sqlite3_extended_errcode(nint db);

    [LibraryImport(Library)]
    public static partial int sqlite3_system_errno(nint db);

    [LibraryImport(Library)]
    public static partial byte* sqlite3_errmsg(nint db);

    [LibraryImport(Library)]
    public static partial int sqlite3_busy_timeout(nint db, int milliseconds);

    [LibraryImport(Library)]
    public static partial nint sqlite3_wal_hook(nint db, delegate* unmanaged[Cdecl]<nint, nint, byte*, int, int> hook, nint context);

    [LibraryImport(Library)]
    public static partial int sqlite3_wal_checkpoint_v2(nint db, byte* name, int mode, int* logFrames, int* copiedFrames);

    [LibraryImport(Library)]
    public static partial int sqlite3_complete(byte* sql);
}
