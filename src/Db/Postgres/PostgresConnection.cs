using System.Data;
using Npgsql;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>One connection, owned by one worker thread, and its prepared statements.</summary>
internal sealed class PostgresConnection(NpgsqlConnection connection) : IDisposable
{
    private const int StatementsMax = 512;

    private readonly Dictionary<string, PostgresStatement> _statements = [];
    private long _uses;

    public bool IsOpen => (connection.FullState & ConnectionState.Open) != 0 && (connection.FullState & ConnectionState.Broken) == 0;

    /// <summary>The statement whose rows are still on the wire; another one makes it fetch the rest first.</summary>
    public PostgresStatement? Reading { get; set; }

    public NpgsqlTransaction Begin(IsolationLevel level) => connection.BeginTransaction(level);

    public PostgresStatement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            if (_statements.Count >= StatementsMax) EvictOldest();
            statement = new PostgresStatement(this, sql, new NpgsqlCommand(sql, connection));
            _statements.Add(sql, statement);
        }

        while (statement.Busy) statement = statement.Spare ??= new PostgresStatement(this, sql, new NpgsqlCommand(sql, connection));
        statement.LastUse = ++_uses;
        return statement;
    }

    public void Run(string sql)
    {
        try
        {
            using var command = new NpgsqlCommand(sql, connection);
            command.ExecuteNonQuery();
        }
        catch (Exception error) when (PostgresError.IsFromServer(error))
        {
            throw PostgresError.From(error, sql);
        }
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

        Reading = null;
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values) statement.Close();
        _statements.Clear();
        connection.Dispose();
    }

    private void EvictOldest()
    {
        var oldest = _statements.Values.Where(s => !s.Busy).MinBy(s => s.LastUse);
        if (oldest is null) return;
        _statements.Remove(oldest.Sql);
        oldest.Close();
    }
}

internal sealed class PostgresSnapshot(PostgresConnection connection) : Snapshot
{
    public override DatabaseKind Kind => DatabaseKind.Postgres;

    public override Statement Prepare(string sql) => connection.Prepare(sql);
}

internal sealed class PostgresTransaction(PostgresConnection connection, AccountTurns turns, string? accountLock) : Transaction
{
    private readonly List<long> _held = [];

    public override DatabaseKind Kind => DatabaseKind.Postgres;

    /// <summary>False for an action that has asked the server for nothing: there is nothing to commit, and no outcome to be in doubt about.</summary>
    public bool Touched { get; private set; }

    public override Statement Prepare(string sql)
    {
        Touched = true;
        return connection.Prepare(sql);
    }

    public override void LockAccount(AccountId account)
    {
        if (accountLock is null) throw new InvalidOperationException("No schema names an AccountLock");
        if (_held.Contains(account.Value)) return;

        // The turn first: within this node, callbacks of one account then run in the order of its commits, and nobody waits inside the server.
        turns.Take(account.Value);
        _held.Add(account.Value);
        connection.Prepare(accountLock).Bind(account.Value).Scalar();
    }

    public void Begin(DateTimeOffset now)
    {
        ForgetSince((0, 0, 0));
        Now = now;
    }

    public void GiveBackTurns()
    {
        foreach (var account in _held) turns.GiveBack(account);
        _held.Clear();
    }
}
