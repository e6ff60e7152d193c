namespace Posthorn.Db;

/// <summary>Why the database cannot do it now.</summary>
public enum DatabaseFault
{
    /// <summary>The disk or the quota is full. Nothing was written; the next action succeeds once there is space.</summary>
    NoSpace,

    /// <summary>Another process uses the data directory, or a lock was not to be had in time.</summary>
    Locked,

    /// <summary>What was read is not what was written: a damaged file, or a checksum that does not match.</summary>
    Corrupt,

    /// <summary>PostgreSQL is not reachable. Nothing was written.</summary>
    ConnectionLost,

    /// <summary>The connection broke during COMMIT: it is not known whether the action was done.</summary>
    OutcomeUnknown,

    /// <summary>The device or the permissions refused a read or a write. Nothing was written.</summary>
    Device,

    /// <summary>The database was written by a newer release.</summary>
    NewerVersion,
}

/// <summary>A statement failed: a constraint, or a fault in the statement itself.</summary>
public class DatabaseException : Exception
{
    internal DatabaseException(string message, bool uniqueViolation, Exception? inner = null)
        : base(message, inner) => IsUniqueViolation = uniqueViolation;

    public bool IsUniqueViolation { get; }
}

/// <summary>The world failed, not the action: it may succeed later without change.</summary>
public sealed class DatabaseUnavailableException : DatabaseException
{
    internal DatabaseUnavailableException(DatabaseFault fault, string message, Exception? inner = null)
        : base(message, false, inner) => Fault = fault;

    public DatabaseFault Fault { get; }
}
