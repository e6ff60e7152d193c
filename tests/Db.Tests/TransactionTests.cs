using Posthorn.Core;
using Xunit;

namespace Posthorn.Db.Tests;

/// <summary>What holds for actions and snapshots on both databases.</summary>
public sealed class TransactionTests
{
    private static readonly Schema Notes = new(
        "notes",
        ["""
         CREATE TABLE note (account BIGINT NOT NULL, number BIGINT NOT NULL, text TEXT, body BLOB, PRIMARY KEY (account, number)) WITHOUT ROWID;
         CREATE TABLE account_state (account BIGINT NOT NULL PRIMARY KEY, last BIGINT NOT NULL);
         """])
    {
        AccountLock = "SELECT 1 FROM account_state WHERE account = $1 FOR UPDATE",
    };

    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Every_kind_of_value_comes_back_after_reopening(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        await test.Database.WriteAsync(tx =>
        {
            Insert(tx, 1, 1, "höre\u4e2d", [0, 1, 255]);
            Insert(tx, 1, 2, null, null);
            Insert(tx, 1, 3, "", []);
            return tx.Prepare("INSERT INTO account_state VALUES ($1, $2)").Bind(1).Bind(long.MaxValue).Execute();
        });
        await test.ReopenAsync();
        await test.Database.ReadAsync(s =>
        {
            using var rows = s.Prepare("SELECT text, body FROM note WHERE account = $1 ORDER BY number").Bind(1).Query();
            Assert.True(rows.Next());
            Assert.Equal("höre\u4e2d", rows.Text(0));
            Assert.Equal("höre\u4e2d"u8.ToArray(), rows.Blob(0).ToArray());
            Assert.Equal([0, 1, 255], rows.Blob(1).ToArray());
            Assert.True(rows.Next());
            Assert.True(rows.IsNull(0) && rows.IsNull(1) && rows.NullableText(0) is null && rows.Blob(1).IsEmpty);
            Assert.True(rows.Next());
            Assert.True(!rows.IsNull(0) && !rows.IsNull(1) && rows.Text(0).Length == 0);
            Assert.False(rows.Next());
            Assert.Equal(long.MaxValue, s.Prepare("SELECT last FROM account_state").Scalar());
            Assert.Equal(3, s.Prepare("SELECT COUNT(*) FROM note").Scalar());
            Assert.Equal(6, s.Prepare("SELECT SUM(number) FROM note").Scalar());
            Assert.Null(s.Prepare("SELECT SUM(number) FROM note WHERE account = 9").Scalar());
            return 0;
        });
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_failing_action_leaves_its_neighbours_of_the_batch_alone(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        var committed = new List<long>();
        var writes = Enumerable.Range(1, 100).Select(async i =>
        {
            try
            {
                await test.Database.WriteAsync(tx =>
                {
                    Insert(tx, i, 1, "first", null);
                    tx.OnCommit(() =>
                    {
                        lock (committed) committed.Add(i);
                    });
                    if (i % 3 == 0) throw new RefusalException(new Refusal(RefusalKind.OverQuota, "no"));
                    if (i % 7 == 0) Insert(tx, i, 1, "again", null);
                    Insert(tx, i, 2, "second", null);
                    return 0;
                });
                return true;
            }
            catch (RefusalException)
            {
                Assert.Equal(0, i % 3);
                return false;
            }
            catch (DatabaseException error)
            {
                Assert.True(error.IsUniqueViolation && i % 7 == 0);
                return false;
            }
        });
        var results = await Task.WhenAll(writes);
        var good = Enumerable.Range(1, 100).Where(i => i % 3 != 0 && i % 7 != 0).Select(i => (long)i).ToList();
        Assert.Equal(good.Count, results.Count(r => r));
        Assert.Equal(good, committed.Order());
        Assert.Equal(good.Count * 2, await test.Database.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note").Scalar()));
        Assert.Equal(good.Count, await test.Database.ReadAsync(s => s.Prepare("SELECT COUNT(DISTINCT account) FROM note").Scalar()));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Callbacks_of_an_account_run_in_the_order_of_its_commits(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        await test.Database.WriteAsync(tx => tx.Prepare("INSERT INTO account_state VALUES ($1, 0)").Bind(1).Execute());
        var seen = new List<long>();
        await Task.WhenAll(Enumerable.Range(0, 200).Select(async _ => await test.Database.WriteAsync(tx =>
        {
            tx.LockAccount(new AccountId(1));
            var last = tx.Prepare("UPDATE account_state SET last = last + 1 WHERE account = $1 RETURNING last").Bind(1).Scalar()!.Value;
            tx.OnCommit(() => seen.Add(last));
            return last;
        })));
        Assert.Equal(Enumerable.Range(1, 200).Select(i => (long)i), seen);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task Callbacks_run_before_the_writer_hears_of_his_commit(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        var called = false;
        await test.Database.WriteAsync(tx =>
        {
            tx.OnCommit(() => called = true);
            tx.OnCommit(() => throw new InvalidOperationException("a callback that breaks its promise harms nobody"));
            return 0;
        });
        Assert.True(called);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_snapshot_sees_one_state_however_long_it_reads(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        await test.Database.WriteAsync(tx => Insert(tx, 1, 1, "a", null));
        using var firstRead = new ManualResetEventSlim();
        using var written = new ManualResetEventSlim();
        var reading = Task.Factory.StartNew(
            () => test.Database.ReadAsync(s =>
            {
                var before = s.Prepare("SELECT COUNT(*) FROM note").Scalar();
                firstRead.Set();
                Assert.True(written.Wait(TimeSpan.FromSeconds(20)));
                return (before, s.Prepare("SELECT COUNT(*) FROM note").Scalar());
            }).AsTask(),
            TaskCreationOptions.LongRunning).Unwrap();
        Assert.True(firstRead.Wait(TimeSpan.FromSeconds(20)));
        await test.Database.WriteAsync(tx => Insert(tx, 1, 2, "b", null));
        written.Set();
        Assert.Equal((1, 1), await reading);
        Assert.Equal(2, await test.Database.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note").Scalar()));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_statement_may_run_while_the_rows_of_another_are_read(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        await test.Database.WriteAsync(tx =>
        {
            for (var i = 1; i <= 5; i++) Insert(tx, 1, i, "n" + i, [(byte)i]);
            return 0;
        });
        var found = await test.Database.WriteAsync(tx =>
        {
            var texts = new List<string>();
            using var outer = tx.Prepare("SELECT number, body FROM note WHERE account = $1 ORDER BY number").Bind(1).Query();
            while (outer.Next())
            {
                using var inner = tx.Prepare("SELECT text FROM note WHERE account = 1 AND number = $1").Bind(outer.Int64(0)).Query();
                Assert.True(inner.Next());
                using var same = tx.Prepare("SELECT text FROM note WHERE account = 1 AND number = $1").Bind(outer.Int64(0)).Query();
                Assert.True(same.Next());
                texts.Add(inner.Text(0) + same.Text(0) + outer.Blob(1)[0]);
            }

            return texts;
        });
        Assert.Equal(["n1n11", "n2n22", "n3n33", "n4n44", "n5n55"], found);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_statement_left_half_bound_does_not_spoil_the_next_use(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await test.Database.WriteAsync(tx =>
        {
            tx.Prepare("DELETE FROM note WHERE account = $1 AND number = $2").Bind(1).Bind(2);
            throw new InvalidOperationException("between Bind and Execute");
#pragma warning disable CS0162
            return 0;
#pragma warning restore CS0162
        }));
        Assert.Equal(0, await test.Database.WriteAsync(
            tx => tx.Prepare("DELETE FROM note WHERE account = $1 AND number = $2").Bind(1).Bind(2).Execute()));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_cancelled_action_that_waits_is_not_run(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await test.Database.WriteAsync(tx => Insert(tx, 1, 1, "never", null), cancelled.Token));
        Assert.Equal(0, await test.Database.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note").Scalar()));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task A_notice_is_heard_after_the_commit_and_never_without_one(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind, null, Notes);
        var heard = new List<string>();
        test.Database.Notified += (_, notice) =>
        {
            lock (heard) heard.Add(notice.Channel + " " + notice.Payload);
        };
        await Assert.ThrowsAsync<RefusalException>(async () => await test.Database.WriteAsync<int>(tx =>
        {
            tx.Notify("changes", "lost");
            throw new RefusalException(new Refusal(RefusalKind.Invalid, "no"));
        }));
        await test.Database.WriteAsync(tx =>
        {
            tx.Notify("changes", "7 12");
            return 0;
        });
        Assert.Equal(["changes 7 12"], heard);
    }

    private static int Insert(Transaction tx, long account, long number, string? text, byte[]? body) =>
        tx.Prepare("INSERT INTO note (account, number, text, body) VALUES ($1, $2, $3, $4)")
            .Bind(account).Bind(number).Bind(text).Bind(body).Execute();
}
