using System.Buffers;
using Microsoft.Extensions.Time.Testing;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Db.Tests;

/// <summary>Blobs on both databases, and on segments what collection and compaction do to them.</summary>
public sealed class BlobTests
{
    private static readonly AccountId Account = new(7);

    public static TheoryData<DatabaseKind> Kinds => [DatabaseKind.Sqlite, DatabaseKind.Postgres];

    [Theory, MemberData(nameof(Kinds))]
    public async Task Blobs_of_every_size_come_back_and_verify_clean(DatabaseKind kind)
    {
        await using var test = await TestDatabase.OpenAsync(kind);
        int[] sizes = [0, 1, 63, 64, 4096, 262_143, 262_144, 262_145, 600_000, 3_000_000];
        var kept = new List<(BlobId Id, byte[] Bytes)>();
        foreach (var size in sizes)
        {
            foreach (var dense in (bool[])[true, false])
            {
                var bytes = Bytes(size, size * 2 + (dense ? 1 : 0), dense);
                kept.Add((await PutAsync(test, bytes, kept.Count), bytes));
            }
        }

        await test.ReopenAsync();
        foreach (var (id, bytes) in kept) Assert.Equal(bytes, await test.Blobs.ReadAllAsync(id));
        var large = kept[^1];
        using var reader = await test.Blobs.OpenAsync(large.Id);
        var part = new byte[70_000];
        Assert.Equal(70_000, await reader!.ReadAsync(500_001, part));
        Assert.Equal(large.Bytes.AsSpan(500_001, 70_000).ToArray(), part);
        var (done, total) = (0L, 0L);
        var report = await test.Blobs.VerifyAsync((d, t) => (done, total) = (d, t), CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(kept.Select(k => k.Id).Distinct().Count(), report.Blobs);
        Assert.Equal((report.Blobs, report.Blobs), (done, total));
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task The_same_bytes_are_stored_once_and_live_as_long_as_one_link(DatabaseKind kind)
    {
        var time = new FakeTimeProvider();
        await using var test = await TestDatabase.OpenAsync(kind, time);
        var bytes = Bytes(5000, 1, true);
        var id = await PutAsync(test, bytes, 1);
        await Task.WhenAll(Enumerable.Range(2, 20).Select(i => PutAsync(test, bytes, i)));
        Assert.Equal(1, await CountAsync(test, "SELECT COUNT(*) FROM blob"));
        for (var i = 1; i <= 20; i++) await UnlinkAsync(test, id, i);
        time.Advance(TimeSpan.FromDays(2));
        Assert.Equal(0, (await test.Blobs.TidyAsync(CancellationToken.None)).Blobs);
        await UnlinkAsync(test, id, 21);
        time.Advance(TimeSpan.FromHours(23));
        Assert.Equal(0, (await test.Blobs.TidyAsync(CancellationToken.None)).Blobs);
        Assert.Equal(bytes, await test.Blobs.ReadAllAsync(id));
        Assert.True(await test.Database.WriteAsync(tx => test.Blobs.Link(tx, Account, id, new BlobOwner(1, 50))));
        time.Advance(TimeSpan.FromHours(2));
        Assert.Equal(0, (await test.Blobs.TidyAsync(CancellationToken.None)).Blobs);
        await UnlinkAsync(test, id, 50);
        time.Advance(TimeSpan.FromHours(25));
        Assert.Equal(1, (await test.Blobs.TidyAsync(CancellationToken.None)).Blobs);
        Assert.Null(await test.Blobs.OpenAsync(id));
        Assert.False(await test.Database.WriteAsync(tx => test.Blobs.Link(tx, Account, id, new BlobOwner(1, 51))));
        Assert.Equal(0, await CountAsync(test, "SELECT COUNT(*) FROM blob_part"));
        await AssertSoundAsync(test);
    }

    [Theory, MemberData(nameof(Kinds))]
    public async Task What_is_staged_and_never_linked_is_gone(DatabaseKind kind)
    {
        var time = new FakeTimeProvider();
        await using var test = await TestDatabase.OpenAsync(kind, time);
        await test.Blobs.StageAsync(new ReadOnlySequence<byte>(Bytes(1_000_000, 3, true)));
        await using (var writer = test.Blobs.CreateWriter()) await writer.WriteAsync(Bytes(900_000, 4, true));
        time.Advance(TimeSpan.FromHours(25));
        await test.Blobs.TidyAsync(CancellationToken.None);
        Assert.Equal(0, await CountAsync(test, "SELECT COUNT(*) FROM blob_part"));
        await test.ReopenAsync();
        if (kind == DatabaseKind.Sqlite) Assert.Empty(Directory.GetFiles(test.BlobDirectory, "*.seg"));
    }

    [Fact]
    public async Task A_changed_byte_anywhere_in_a_record_is_told_with_its_place()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite);
        var bytes = Bytes(2000, 1, true);
        var id = await PutAsync(test, bytes, 1);
        var other = await PutAsync(test, Bytes(2000, 2, true), 2);
        await test.Blobs.DisposeAsync();
        var path = Assert.Single(Directory.GetFiles(test.BlobDirectory));
        var file = await File.ReadAllBytesAsync(path);
        var payload = file.AsSpan().IndexOf(bytes);
        file[payload + 1234] ^= 1;
        await File.WriteAllBytesAsync(path, file);
        await test.Database.DisposeAsync();
        await test.OpenAsync();
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => test.Blobs.ReadAllAsync(id).AsTask());
        Assert.Equal(DatabaseFault.Corrupt, error.Fault);
        Assert.Contains($"Blob {id} is damaged in segment 00000001.seg at 32: the checksum does not match", error.Message, StringComparison.Ordinal);
        Assert.Equal(2000, (await test.Blobs.ReadAllAsync(other)).Length);
        var report = await test.Blobs.VerifyAsync((_, _) => { }, CancellationToken.None);
        Assert.Equal([error.Message], report.Findings);
    }

    [Fact]
    public async Task Verification_finds_other_bytes_a_damaged_header_and_loose_rows()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite);
        var first = await PutAsync(test, Bytes(100, 1, true), 1);
        var second = await PutAsync(test, Bytes(100, 2, true), 2);
        await test.Database.WriteAsync(tx =>
        {
            tx.Prepare("UPDATE blob SET hash = zeroblob(32) WHERE number = 1").Execute();
            tx.Prepare("DELETE FROM blob_link WHERE blob = 2").Execute();
            return tx.Prepare("INSERT INTO blob_link VALUES (9, 1, 1, 1)").Execute();
        });
        var report = await test.Blobs.VerifyAsync((_, _) => { }, CancellationToken.None);
        Assert.Equal(4, report.Findings.Count);
        Assert.Contains("other bytes than its hash", report.Findings[0], StringComparison.Ordinal);
        Assert.Contains("header", report.Findings[1], StringComparison.Ordinal);
        Assert.Contains("number 2 has no link", report.Findings[2], StringComparison.Ordinal);
        Assert.Contains("number 9 is linked and is not there", report.Findings[3], StringComparison.Ordinal);
        Assert.NotEqual(first, second);
    }

    [Fact]
    public async Task The_tail_of_a_segment_is_cut_to_the_last_row()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite);
        var id = await PutAsync(test, Bytes(3000, 1, true), 1);
        await test.CloseAsync();
        var path = Assert.Single(Directory.GetFiles(test.BlobDirectory));
        var length = new FileInfo(path).Length;
        await using (var file = File.Open(path, FileMode.Append)) await file.WriteAsync(Bytes(10_000, 5, true));
        await test.OpenAsync();
        Assert.Equal(length, new FileInfo(path).Length);
        var next = await PutAsync(test, Bytes(3000, 2, true), 2);
        await test.ReopenAsync();
        Assert.Equal(Bytes(3000, 1, true), await test.Blobs.ReadAllAsync(id));
        Assert.Equal(Bytes(3000, 2, true), await test.Blobs.ReadAllAsync(next));
    }

    [Fact]
    public async Task Segments_of_another_database_are_refused()
    {
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite);
        await using var other = await TestDatabase.OpenAsync(DatabaseKind.Sqlite);
        await PutAsync(test, Bytes(10, 1, true), 1);
        await test.CloseAsync();
        await other.CloseAsync();
        Directory.CreateDirectory(other.BlobDirectory);
        foreach (var path in Directory.GetFiles(test.BlobDirectory)) File.Copy(path, Path.Combine(other.BlobDirectory, Path.GetFileName(path)));
        var error = await Assert.ThrowsAsync<DatabaseUnavailableException>(other.OpenAsync);
        Assert.Contains("belongs to another database", error.Message, StringComparison.Ordinal);
        Directory.Delete(other.BlobDirectory, recursive: true);
        await other.Database.DisposeAsync();
        await other.OpenAsync();
        await test.OpenAsync();
    }

    [Fact]
    public async Task Half_dead_segments_are_compacted_while_readers_read()
    {
        var time = new FakeTimeProvider { AutoAdvanceAmount = TimeSpan.FromMilliseconds(1) };
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, time);
        var kept = new List<(BlobId Id, int Seed)>();
        var dead = new List<(BlobId Id, int Seed)>();
        for (var i = 0; i < 400; i++)
        {
            var id = await PutAsync(test, Mixed(i), i);
            (i % 4 == 0 ? kept : dead).Add((id, i));
        }

        // The one that is being filled is sealed by a restart and by what comes after.
        var before = Directory.GetFiles(test.BlobDirectory).Length;
        foreach (var (id, seed) in dead) await UnlinkAsync(test, id, seed);
        time.Advance(TimeSpan.FromHours(25));
        using var held = await test.Blobs.OpenAsync(kept[0].Id);
        var tidying = test.Blobs.TidyAsync(CancellationToken.None);
        var clock = Task.Run(async () =>
        {
            while (!tidying.IsCompleted)
            {
                time.Advance(TimeSpan.FromSeconds(1));
                await Task.Yield();
            }
        });
        while (!tidying.IsCompleted)
        {
            foreach (var (id, seed) in kept.Take(20)) Assert.Equal(Mixed(seed), await test.Blobs.ReadAllAsync(id));
        }

        await clock;
        var (blobs, segments) = await tidying;
        Assert.Equal(dead.Count, blobs);
        Assert.True(segments > 0, "no segment was removed");
        Assert.True(Directory.GetFiles(test.BlobDirectory).Length < before + 1);
        var all = new byte[held!.Length];
        await held.ReadAsync(0, all);
        Assert.Equal(Bytes(1_500_000, kept[0].Seed, true), all);
        foreach (var (id, seed) in kept) Assert.Equal(Mixed(seed), await test.Blobs.ReadAllAsync(id));
        await AssertSoundAsync(test);
        await test.ReopenAsync();
        await AssertSoundAsync(test);
        Assert.Equal(0, (await test.Blobs.TidyAsync(CancellationToken.None)).Segments);
    }

    [Fact]
    public async Task The_keeper_tidies_in_intervals_until_it_is_stopped()
    {
        var time = new FakeTimeProvider();
        await using var test = await TestDatabase.OpenAsync(DatabaseKind.Sqlite, time);
        var id = await PutAsync(test, Bytes(10, 1, true), 1);
        await UnlinkAsync(test, id, 1);
        time.Advance(TimeSpan.FromHours(25));
        using var stop = new CancellationTokenSource();
        var running = test.Blobs.RunAsync(stop.Token);
        while (await CountAsync(test, "SELECT COUNT(*) FROM blob") != 0) time.Advance(BlobStore.TidyInterval);
        await stop.CancelAsync();
        await running;
    }

    internal static byte[] Bytes(int size, int seed, bool random)
    {
        var bytes = new byte[size];
        if (!random) Array.Fill(bytes, (byte)seed);
#pragma warning disable CA5394 // a repeatable pattern, not a secret
        else new Random(seed).NextBytes(bytes);
#pragma warning restore CA5394
        return bytes;
    }

    private static byte[] Mixed(int seed) => Bytes(seed % 50 == 0 ? 1_500_000 : 250_000, seed, random: true);

    internal static async Task<BlobId> PutAsync(TestDatabase test, byte[] bytes, long owner)
    {
        var staged = await test.Blobs.StageAsync(new ReadOnlySequence<byte>(bytes));
        return await test.Database.WriteAsync(tx =>
        {
            test.Blobs.Link(tx, Account, staged, new BlobOwner(1, owner));
            return staged.Id;
        });
    }

    internal static async Task AssertSoundAsync(TestDatabase test) =>
        Assert.Empty((await test.Blobs.VerifyAsync((_, _) => { }, CancellationToken.None)).Findings);

    private static async Task UnlinkAsync(TestDatabase test, BlobId id, long owner) => await test.Database.WriteAsync(tx =>
    {
        test.Blobs.Unlink(tx, Account, id, new BlobOwner(1, owner));
        return 0;
    });

    private static async Task<long?> CountAsync(TestDatabase test, string sql) => await test.Database.ReadAsync(s => s.Prepare(sql).Scalar());
}
