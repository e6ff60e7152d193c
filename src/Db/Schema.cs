namespace Posthorn.Db;

/// <summary>
/// A room's tables: numbered steps, forward only. Step 1 is the first of the list. A released step is never edited.
/// The DDL uses BIGINT, TEXT, BLOB, WITHOUT ROWID and <c>BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY</c>; each dialect
/// translates what is not its own.
/// A step may hold several statements, separated by semicolons at line ends. <c>-- sqlite</c> or <c>-- postgres</c> at a
/// statement's start keeps it for that database.
/// </summary>
public sealed record Schema(string Room, IReadOnlyList<string> Steps)
{
    /// <summary>
    /// How <see cref="Transaction.LockAccount"/> locks on PostgreSQL: the statement that selects the account's state row,
    /// <c>$1</c> being the account, for example <c>SELECT 1 FROM account_state WHERE account = $1 FOR UPDATE</c>. Exactly one
    /// room names it.
    /// </summary>
    public string? AccountLock { get; init; }
}
