using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Db.Tests;

public sealed class SqliteTests
{
    private static readonly Schema Notes = new("notes", ["CREATE TABLE note (number BIGINT NOT NULL PRIMARY KEY, text TEXT NOT NULL, body BLOB) WITHOUT ROWID"]);

    private static Task<Database> OpenAsync(TestDirectory directory, params Schema[] schemas) => Database.OpenAsync(
        new DatabaseSettings { Directory = directory.Path }, schemas, TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);

    [Fact]
    public async Task A_written_row_is_read_and_survives_reopening()
    {
        using var directory = new TestDirectory();
        await using (var database = await OpenAsync(directory, Notes))
        {
            var changed = await database.WriteAsync(tx => tx.Prepare("INSERT INTO note VALUES ($1, $2, $3)").Bind(7).Bind("höre").Bind([1, 2, 3]).Execute());
            Assert.Equal(1, changed);
        }

        await using var again = await OpenAsync(directory, Notes);
        var (text, body) = await again.ReadAsync(s =>
        {
            using var rows = s.Prepare("SELECT text, body FROM note WHERE number = $1").Bind(7).Query();
            Assert.True(rows.Next());
            return (rows.Text(0), rows.Blob(1).ToArray());
        });
        Assert.Equal("höre", text);
        Assert.Equal([1, 2, 3], body);
    }

    [Fact]
    public async Task A_blob_is_read_back_small_and_large()
    {
        using var directory = new TestDirectory();
        await using var database = await OpenAsync(directory, BlobStore.Schema);
        await using var blobs = await BlobStore.OpenAsync(
            database, "segments:", System.IO.Path.Combine(directory.Path, "blobs"), TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None);
        foreach (var length in (int[])[0, 1, 63, 4096, 256 * 1024, 256 * 1024 + 1, 3_000_000])
        {
            var bytes = new byte[length];
            new Random(length).NextBytes(bytes.AsSpan(0, length / 2));
            var staged = await blobs.StageAsync(new ReadOnlySequence<byte>(bytes));
            await database.WriteAsync(tx =>
            {
                blobs.Link(tx, new AccountId(1), staged, new BlobOwner(1, length));
                return 0;
            });
            Assert.Equal(bytes, await blobs.ReadAllAsync(staged.Id));
        }
    }
}
