using Npgsql;

namespace Posthorn.Db;

/// <summary>The server chose this transaction to give way to another (40001, 40P01): it runs again from the start.</summary>
internal sealed class ConflictException(string message, Exception inner) : DatabaseException(message, false, inner)
{
}

/// <summary>What a PostgreSQL error means to the caller.</summary>
internal static class PostgresError
{
    public static DatabaseException From(Exception error, string doing) => error switch
    {
        PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected } conflict =>
            new ConflictException(conflict.MessageText, conflict),
        PostgresException { SqlState: PostgresErrorCodes.UniqueViolation } unique =>
            new DatabaseException($"{unique.MessageText} in: {doing}", true, unique),
        PostgresException server when Fault(server.SqlState) is { } fault =>
            new DatabaseUnavailableException(fault, "PostgreSQL: " + server.MessageText, server),
        PostgresException server => new DatabaseException($"{server.MessageText} (PostgreSQL {server.SqlState}) in: {doing}", false, server),
        _ => new DatabaseUnavailableException(DatabaseFault.ConnectionLost, "PostgreSQL is not reachable: " + error.Message, error),
    };

    public static bool IsFromServer(Exception error) => error is NpgsqlException or IOException or TimeoutException or ObjectDisposedException;

    private static DatabaseFault? Fault(string state) => state switch
    {
        "53100" => DatabaseFault.NoSpace, // disk_full
        "53300" or "53400" => DatabaseFault.ConnectionLost, // too_many_connections
        "57P01" or "57P02" or "57P03" or "57P05" => DatabaseFault.ConnectionLost, // shutdown, crash, starting up
        "55P03" => DatabaseFault.Locked,
        "58030" => DatabaseFault.Device, // io_error
        "25006" => DatabaseFault.Device, // read-only transaction: a standby
        "XX001" or "XX002" => DatabaseFault.Corrupt,
        _ when state.StartsWith("08", StringComparison.Ordinal) => DatabaseFault.ConnectionLost,
        _ => null,
    };
}
