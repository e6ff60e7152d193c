using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Db.Tests;

/// <summary>Bad days of PostgreSQL. The server is this class's own, since its tests stop it.</summary>
public sealed class PostgresFaultTests : IAsyncLifetime
{
    private static readonly Schema Notes = new(
        "notes",
        ["""
         CREATE TABLE note (number BIGINT NOT NULL PRIMARY KEY);
         CREATE TABLE account_state (account BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL);
         """])
    {
        AccountLock = "SELECT 1 FROM account_state WHERE account = $1 FOR UPDATE",
    };

    private readonly TestDirectory _directory = new();
    private readonly string _name = PostgresCluster.NewName();
    private PostgresCluster _cluster = null!;

    public async ValueTask InitializeAsync() => _cluster = await PostgresCluster.StartAsync(durable: false);

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task An_action_waits_for_a_server_that_restarts()
    {
        await using var database = await OpenAsync(TimeSpan.FromSeconds(60));
        await InsertAsync(database, 1);
        await _cluster.StopAsync("immediate");
        var waiting = InsertAsync(database, 2);
        var reading = CountAsync(database);
        await _cluster.StartAsync();
        await waiting;
        Assert.InRange(await reading ?? 0, 1, 2);
        Assert.Equal(2, await CountAsync(database));
    }

    [Fact]
    public async Task An_action_is_refused_when_the_server_stays_away_and_works_when_it_is_back()
    {
        await using var database = await OpenAsync(TimeSpan.FromMilliseconds(200));
        await InsertAsync(database, 1);
        await _cluster.StopAsync("fast");
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => InsertAsync(database, 2));
        Assert.Equal(DatabaseFault.ConnectionLost, error.Fault);
        await _cluster.StartAsync();
        await InsertAsync(database, 2);
        Assert.Equal(2, await CountAsync(database));
    }

    [Fact]
    public async Task A_connection_that_breaks_before_the_commit_costs_nothing()
    {
        await using var database = await OpenAsync(TimeSpan.FromSeconds(60));
        var runs = 0;
        await database.WriteAsync(tx =>
        {
            if (runs++ == 0) Terminate(tx);
            return tx.Prepare("INSERT INTO note (number) VALUES (5)").Execute();
        });
        Assert.Equal((2, 1), (runs, await CountAsync(database)));
    }

    [Fact]
    public async Task A_connection_that_breaks_during_the_commit_leaves_the_outcome_unknown()
    {
        await using var database = await OpenAsync(TimeSpan.FromSeconds(60));
        var mine = 0L;
        CrashPoints.Hook = name =>
        {
            // The server ends this session between the action and its COMMIT.
            if (name == CrashPoints.BeforeCommit && Interlocked.Exchange(ref mine, 0) is var pid and not 0)
                database.ReadAsync(s => Terminate(s, pid)).AsTask().GetAwaiter().GetResult();
        };
        try
        {
            var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => database.WriteAsync(tx =>
            {
                mine = tx.Prepare("SELECT pg_backend_pid()").Scalar()!.Value;
                return tx.Prepare("INSERT INTO note (number) VALUES (6)").Execute();
            }).AsTask());
            Assert.Equal(DatabaseFault.OutcomeUnknown, error.Fault);
        }
        finally
        {
            CrashPoints.Hook = null;
        }

        Assert.Equal(0, await CountAsync(database));
        await InsertAsync(database, 6);
    }

    [Fact]
    public async Task Notices_reach_the_other_node_and_their_loss_is_told()
    {
        await using var here = await OpenAsync(TimeSpan.FromSeconds(60));
        await using var there = await OpenAsync(TimeSpan.FromSeconds(60));
        var lost = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        there.NotificationsLost += (_, _) => lost.TrySetResult();
        await HearAsync(here, there, "first");
        await _cluster.StopAsync("immediate");
        await _cluster.StartAsync();
        await lost.Task.WaitAsync(TimeSpan.FromSeconds(30));
        await HearAsync(here, there, "second");
    }

    [Fact]
    public async Task Two_nodes_take_turns_at_an_account()
    {
        await using var here = await OpenAsync(TimeSpan.FromSeconds(60));
        await using var there = await OpenAsync(TimeSpan.FromSeconds(60));
        await here.WriteAsync(tx => tx.Prepare("INSERT INTO account_state VALUES (1, 0), (2, 0)").Execute());
        await Task.WhenAll(Enumerable.Range(0, 100).Select(async i => await (i % 2 == 0 ? here : there).WriteAsync(tx =>
        {
            tx.LockAccount(new AccountId(1));
            tx.LockAccount(new AccountId(2));
            var last = tx.Prepare("SELECT last FROM account_state WHERE account = 1").Scalar()!.Value;
            return tx.Prepare("UPDATE account_state SET last = $1").Bind(last + 1).Execute();
        })));
        Assert.Equal(200, await here.ReadAsync(s => s.Prepare("SELECT SUM(last) FROM account_state").Scalar()));
    }

    private static async Task HearAsync(Database from, Database to, string payload)
    {
        var heard = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        to.Notified += (_, notice) =>
        {
            if (notice.Payload == payload) heard.TrySetResult();
        };

        // What is sent while a side reconnects may be lost, as its name says; so it is said until it is heard.
        for (var tries = 0; tries < 60 && !heard.Task.IsCompleted; tries++)
        {
            await from.WriteAsync(tx =>
            {
                tx.Notify("changes", payload);
                return 0;
            });
            await Task.WhenAny(heard.Task, Task.Delay(500));
        }

        Assert.True(heard.Task.IsCompleted, payload + " was not heard");
    }

    private static void Terminate(Transaction tx) => tx.Prepare("SELECT CASE WHEN pg_terminate_backend(pg_backend_pid()) THEN 1 ELSE 0 END").Scalar();

    /// <summary>Returns when the other session has ended.</summary>
    private static long? Terminate(Snapshot snapshot, long session) =>
        snapshot.Prepare("SELECT CASE WHEN pg_terminate_backend($1::int, 5000) THEN 1 ELSE 0 END").Bind(session).Scalar();

    private Task<Database> OpenAsync(TimeSpan reconnect) => Database.OpenAsync(
        new DatabaseSettings { Directory = _directory.Path, Url = _cluster.Url, Name = _name, ReconnectTimeout = reconnect },
        [Notes],
        TimeProvider.System,
        NullLoggerFactory.Instance,
        CancellationToken.None);

    private static async Task InsertAsync(Database database, long number) =>
        await database.WriteAsync(tx => tx.Prepare("INSERT INTO note (number) VALUES ($1)").Bind(number).Execute());

    private static async Task<long?> CountAsync(Database database) => await database.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note").Scalar());
}
