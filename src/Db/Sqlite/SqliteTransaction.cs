using Posthorn.Core;

namespace Posthorn.Db;

internal sealed class SqliteSnapshot(SqliteConnection connection) : Snapshot
{
    public override DatabaseKind Kind => DatabaseKind.Sqlite;

    public SqliteConnection Connection => connection;

    public override Statement Prepare(string sql) => connection.Prepare(sql);
}

/// <summary>The writer's one transaction object: each action of the batch sees it in turn.</summary>
internal sealed class SqliteTransaction(SqliteConnection connection) : Transaction
{
    public override DatabaseKind Kind => DatabaseKind.Sqlite;

    public override Statement Prepare(string sql) => connection.Prepare(sql);

    public override void LockAccount(AccountId account)
    {
        // The writer is one thread: nobody else changes the account meanwhile.
    }

    public void Begin(DateTimeOffset now) => Now = now;
}
