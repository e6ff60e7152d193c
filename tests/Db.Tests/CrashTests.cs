using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Posthorn.Core;
using Xunit;

namespace Posthorn.Db.Tests;

/// <summary>A process ends at each crash point; what it had acknowledged is there when the data directory is opened again.</summary>
public sealed class CrashTests : IDisposable
{
    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(CrashPoints.BeforeBlobSync, 1)]
    [InlineData(CrashPoints.BeforeBlobSync, 60)]
    [InlineData(CrashPoints.AfterBlobSync, 1)]
    [InlineData(CrashPoints.AfterBlobSync, 61)]
    [InlineData(CrashPoints.BeforeCommit, 2)]
    [InlineData(CrashPoints.BeforeCommit, 75)]
    [InlineData(CrashPoints.AfterCommit, 2)]
    [InlineData(CrashPoints.AfterCommit, 76)]
    [InlineData(CrashPoints.MidCheckpoint, 1)]
    [InlineData(CrashPoints.MidCheckpoint, 2)]
    [InlineData(CrashPoints.MidCompaction, 1)]
    [InlineData(CrashPoints.MidCompaction, 2)]
    [InlineData(CrashPoints.MidCompaction, 5)]
    [InlineData(CrashPoints.MidCompaction, 6)]
    public async Task What_was_acknowledged_survives_the_end_of_the_process_at(string point, int passes)
    {
        var acknowledged = await CrashAsync(point, passes);
        await AssertWholeAsync(acknowledged, point == CrashPoints.MidCompaction);

        // And once more over what the first crash has left.
        acknowledged.AddRange(await CrashAsync(point, passes));
        await AssertWholeAsync(acknowledged, point == CrashPoints.MidCompaction);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_migration_is_done_whole_or_not_at_all(int passes)
    {
        await using (var database = await OpenAsync(CrashChild.Notes))
        {
            await database.WriteAsync(tx => tx.Prepare("INSERT INTO note (number, hash) VALUES (1, $1)").Bind(new byte[32]).Execute());
        }

        Assert.Empty(await CrashAsync(CrashPoints.MidMigration, passes));

        // The release before the migration still opens it: nothing of the step is there.
        await using (var database = await OpenAsync(CrashChild.Notes)) Assert.Equal(1, await CountAsync(database, "SELECT COUNT(*) FROM note"));
        await using (var database = await OpenAsync(CrashChild.NextNotes))
            Assert.Equal(1, await CountAsync(database, "SELECT COUNT(*) FROM note WHERE label = 'new'"));
    }

    /// <summary>The numbers that the child has acknowledged before it ended at the point.</summary>
    private async Task<List<long>> CrashAsync(string point, int passes)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true, RedirectStandardError = true };
        string[] arguments = [CrashChild.Argument, point, passes.ToString(CultureInfo.InvariantCulture), _directory.Path];
        foreach (var argument in arguments) start.ArgumentList.Add(argument);
        using var child = Process.Start(start)!;
        var error = child.StandardError.ReadToEndAsync();
        var acknowledged = new List<long>();
        while (await child.StandardOutput.ReadLineAsync() is { } line)
        {
            // The last line may be torn.
            if (long.TryParse(line, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) acknowledged.Add(number);
        }

        await child.WaitForExitAsync();
        Assert.True(child.ExitCode == 128 + 9, $"the child ended with {child.ExitCode} and never came to {point}: {await error}");
        return acknowledged;
    }

    private async Task AssertWholeAsync(List<long> acknowledged, bool thinned)
    {
        await using var database = await OpenAsync(CrashChild.Notes);
        await using var blobs = await CrashChild.OpenBlobsAsync(database, _directory.Path, TimeProvider.System);
        var notes = await database.ReadAsync(s =>
        {
            var found = new Dictionary<long, BlobId>();
            using var rows = s.Prepare("SELECT number, hash FROM note").Query();
            while (rows.Next()) found.Add(rows.Int64(0), new BlobId(rows.Blob(1)));
            return found;
        });
        Assert.DoesNotContain(acknowledged, n => !notes.ContainsKey(n) && !(thinned && n % 3 != 0));
        foreach (var (number, id) in notes.Where(n => n.Key % 16 == 0 || n.Key % 5 == 0))
            Assert.Equal(CrashChild.Body(number), await blobs.ReadAllAsync(id));
        var report = await blobs.VerifyAsync((_, _) => { }, CancellationToken.None);
        Assert.Empty(report.Findings);
        Assert.Equal(notes.Count, await CountAsync(database, "SELECT COUNT(*) FROM blob_link"));
    }

    private Task<Database> OpenAsync(Schema notes) => Database.OpenAsync(
        new DatabaseSettings { Directory = _directory.Path },
        [BlobStore.Schema, notes],
        TimeProvider.System,
        NullLoggerFactory.Instance,
        CancellationToken.None);

    private static async Task<long?> CountAsync(Database database, string sql) => await database.ReadAsync(s => s.Prepare(sql).Scalar());
}
