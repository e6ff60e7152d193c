using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;

namespace Posthorn.Db.Tests;

/// <summary>
/// Writes blobs and rows from several sides, says each number that was acknowledged on standard output, and kills itself at the
/// n-th passage of one crash point.
/// </summary>
internal static class CrashChild
{
    public const string Argument = "crash-child";
    private const int Producers = 8;

    public static readonly AccountId Account = new(1);

    public static readonly Schema Notes = new("notes", ["CREATE TABLE note (number BIGINT NOT NULL PRIMARY KEY, hash BLOB NOT NULL)"]);

    public static readonly Schema NextNotes = new(
        "notes", [.. Notes.Steps, "ALTER TABLE note ADD COLUMN label TEXT", "UPDATE note SET label = 'new'"]);

    public static byte[] Body(long number) => BlobTests.Bytes(number % 16 == 0 ? 400_000 : 3_000, (int)number, random: true);

    public static async Task<int> RunAsync(string point, string passes, string directory)
    {
        var left = int.Parse(passes, CultureInfo.InvariantCulture);
        CrashPoints.Hook = name =>
        {
            if (name == point && Interlocked.Decrement(ref left) == 0) Process.GetCurrentProcess().Kill();
        };
        var settings = new DatabaseSettings { Directory = directory, CheckpointSizeBytes = 512 * 1024 };
        var notes = point == CrashPoints.MidMigration ? NextNotes : Notes;
        await using var database = await Database.OpenAsync(
            settings, [BlobStore.Schema, notes], TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        await using var blobs = await OpenBlobsAsync(database, directory, TimeProvider.System);
        var first = await database.ReadAsync(s => s.Prepare("SELECT MAX(number) FROM note").Scalar() ?? 0) + 1;
        var done = 0;
        await Task.WhenAll(Enumerable.Range(0, Producers).Select(producer => Task.Run(async () =>
        {
            for (var number = first + producer; Volatile.Read(ref done) < 3000; number += Producers)
            {
                await WriteAsync(database, blobs, number);
                Console.WriteLine(number);
                Interlocked.Increment(ref done);
            }
        })));
        if (point == CrashPoints.MidCompaction) await CompactAsync(database, directory, blobs);
        return 0;
    }

    public static Task<BlobStore> OpenBlobsAsync(Database database, string directory, TimeProvider time) => BlobStore.OpenAsync(
        database, "segments:", Path.Combine(directory, "blobs"), time, NullLoggerFactory.Instance, CancellationToken.None);

    private static async Task WriteAsync(Database database, BlobStore blobs, long number)
    {
        var staged = await blobs.StageAsync(new ReadOnlySequence<byte>(Body(number)));
        await database.WriteAsync(tx =>
        {
            blobs.Link(tx, Account, staged, new BlobOwner(1, number));
            return tx.Prepare("INSERT INTO note (number, hash) VALUES ($1, $2)").Bind(number).Bind(staged.Id.ToArray()).Execute();
        });
    }

    /// <summary>Drops two of three notes, and tidies as if a day had gone by.</summary>
    private static async Task CompactAsync(Database database, string directory, BlobStore blobs)
    {
        await database.WriteAsync(tx =>
        {
            var dead = new List<(long Number, BlobId Id)>();
            using (var rows = tx.Prepare("SELECT number, hash FROM note WHERE number % 3 <> 0").Query())
            {
                while (rows.Next()) dead.Add((rows.Int64(0), new BlobId(rows.Blob(1))));
            }

            foreach (var (number, id) in dead) blobs.Unlink(tx, Account, id, new BlobOwner(1, number));
            tx.Prepare("DELETE FROM note WHERE number % 3 <> 0").Execute();
            return tx.Prepare("UPDATE blob SET unlinked_at = 1 WHERE unlinked_at IS NOT NULL").Execute();
        });
        await blobs.DisposeAsync();
        await using var again = await OpenBlobsAsync(database, directory, TimeProvider.System);
        await again.TidyAsync(CancellationToken.None);
    }
}
