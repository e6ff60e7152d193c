using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Posthorn.Db.Tests;

/// <summary>Bad days of the embedded database.</summary>
public sealed class SqliteFaultTests
{
    private static readonly Schema Notes = new("notes", ["CREATE TABLE note (number BIGINT NOT NULL PRIMARY KEY, body BLOB) WITHOUT ROWID"]);

    [Fact]
    public async Task A_full_database_refuses_and_recovers_when_there_is_space_again()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        await InsertAsync(test.Database, 1, 100);
        await SetMaximumAsync(test.Database, 1);
        var results = await Task.WhenAll(Enumerable.Range(2, 50).Select(async i =>
        {
            try
            {
                await InsertAsync(test.Database, i, 200_000);
                return DatabaseFault.Corrupt;
            }
            catch (DatabaseUnavailableException error)
            {
                return error.Fault;
            }
        }));
        Assert.All(results, fault => Assert.Equal(DatabaseFault.NoSpace, fault));
        Assert.Equal(1, await CountAsync(test.Database));
        await SetMaximumAsync(test.Database, 1_000_000);
        await InsertAsync(test.Database, 60, 200_000);
        await test.ReopenAsync();
        Assert.Equal(2, await CountAsync(test.Database));
    }

    [Fact]
    public async Task Many_writers_share_one_commit()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        var commits = 0;
        using var gate = new ManualResetEventSlim();
        var first = test.Database.WriteAsync(_ => gate.Wait(TimeSpan.FromSeconds(20))).AsTask();
        var writes = Enumerable.Range(1, 200).Select(i => InsertAsync(test.Database, i, 10)).ToArray();
        CrashPoints.Hook = name =>
        {
            if (name == CrashPoints.BeforeCommit) Interlocked.Increment(ref commits);
        };
        try
        {
            gate.Set();
            Assert.True(await first);
            await Task.WhenAll(writes);
        }
        finally
        {
            CrashPoints.Hook = null;
        }

        Assert.InRange(commits, 1, 4);
        Assert.Equal(200, await CountAsync(test.Database));
    }

    [Fact]
    public async Task Readers_see_what_is_committed_while_the_writer_is_at_work()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        await InsertAsync(test.Database, 1, 10);
        using var inside = new ManualResetEventSlim();
        using var gate = new ManualResetEventSlim();
        var writing = test.Database.WriteAsync(tx =>
        {
            tx.Prepare("INSERT INTO note (number) VALUES (2)").Execute();
            inside.Set();
            return gate.Wait(TimeSpan.FromSeconds(20));
        }).AsTask();
        Assert.True(inside.Wait(TimeSpan.FromSeconds(20)));
        Assert.Equal(1, await CountAsync(test.Database));
        gate.Set();
        Assert.True(await writing);
        Assert.Equal(2, await CountAsync(test.Database));
    }

    [Fact]
    public async Task A_data_directory_in_use_is_refused_and_free_after_closing()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => test.OpenDatabaseAsync(Notes));
        Assert.Equal(DatabaseFault.Locked, error.Fault);
        Assert.Contains("is used by another process", error.Message, StringComparison.Ordinal);
        await test.ReopenAsync();
    }

    [Fact]
    public async Task A_lock_of_another_program_is_told_and_passes()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        using (var other = SqliteConnection.Open(test.Settings.FilePath, NullLogger.Instance))
        {
            other.Run("BEGIN IMMEDIATE");
            var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => InsertAsync(test.Database, 1, 10));
            Assert.Equal(DatabaseFault.Locked, error.Fault);
        }

        await InsertAsync(test.Database, 1, 10);
    }

    [Fact]
    public async Task A_damaged_file_is_told()
    {
        using var directory = new TestDirectory();
        var settings = new DatabaseSettings { Directory = directory.Path };
        await File.WriteAllBytesAsync(settings.FilePath, BlobTests.Bytes(20_000, 1, random: true));
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => OpenAsync(settings, Notes));
        Assert.Equal(DatabaseFault.Corrupt, error.Fault);
        Assert.Contains(settings.FilePath, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_page_is_told_and_the_rest_is_read()
    {
        using var directory = new TestDirectory();
        var settings = new DatabaseSettings { Directory = directory.Path };
        await using (var database = await OpenAsync(settings, Notes))
        {
            for (var i = 1; i <= 200; i++) await InsertAsync(database, i, 500);
        }

        var file = await File.ReadAllBytesAsync(settings.FilePath);
        BlobTests.Bytes(4096, 2, random: true).CopyTo(file, file.Length - 4096);
        await File.WriteAllBytesAsync(settings.FilePath, file);
        await using var damaged = await OpenAsync(settings, Notes);
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(
            () => damaged.ReadAsync(s => s.Prepare("SELECT SUM(LENGTH(body)) FROM note").Scalar()).AsTask());
        Assert.Equal(DatabaseFault.Corrupt, error.Fault);
        Assert.Equal(1, await damaged.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note WHERE number = 1").Scalar()));
    }

    [Fact]
    public async Task A_failed_sync_is_never_acknowledged()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, null, Notes);
        var told = string.Empty;
        FatalStorage.Override = what => told = what;
        try
        {
            // A device that takes writes and cannot be synced. The syncer has ended before the exit is in force again.
            using var syncer = new SegmentSyncer();
            var device = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.ReadWrite);
            var segment = new SegmentFile(9, "/dev/null", device, 0, syncer, NullLogger.Instance);
            segment.Append(new byte[10], DateTimeOffset.UnixEpoch);
            await Assert.ThrowsAsync<DatabaseUnavailableException>(() => test.Database.WriteAsync(tx =>
            {
                tx.CommitAfter(segment, 10);
                return tx.Prepare("INSERT INTO note (number) VALUES (1)").Execute();
            }).AsTask());
        }
        finally
        {
            FatalStorage.Override = null;
        }

        Assert.Equal("/dev/null", told);
        Assert.Equal(0, await CountAsync(test.Database));
    }

    private static Task<Database> OpenAsync(DatabaseSettings settings, params Schema[] schemas) =>
        Database.OpenAsync(settings, schemas, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);

    private static async Task InsertAsync(Database database, long number, int size) => await database.WriteAsync(
        tx => tx.Prepare("INSERT INTO note (number, body) VALUES ($1, $2)").Bind(number).Bind(new byte[size]).Execute());

    private static async Task SetMaximumAsync(Database database, int pages) => await database.WriteAsync(
        tx => tx.Prepare($"PRAGMA max_page_count = {pages}").Scalar());

    private static async Task<long?> CountAsync(Database database) => await database.ReadAsync(s => s.Prepare("SELECT COUNT(*) FROM note").Scalar());
}
