namespace Posthorn.Db;

/// <summary>
/// Deletes the rows of blobs that nothing has named for a day, and staged data that nobody has named. The bytes of a segment
/// stay until it is compacted; those of a table go at once.
/// </summary>
internal sealed class BlobCollector(Database database, BlobShelf shelf)
{
    /// <summary>How long a blob without links is kept: whoever has seen it just before may still name it again.</summary>
    public static readonly TimeSpan UnlinkedAge = TimeSpan.FromHours(24);

    /// <summary>What one action deletes.</summary>
    private const int SliceRows = 200;
    private const int SliceBytes = 16 * 1024 * 1024;

    /// <summary>The number of blobs deleted; the segments they lay in are added to <paramref name="segments"/>.</summary>
    public async Task<long> RunAsync(ISet<long> segments, CancellationToken ct)
    {
        var deleted = 0L;
        while (true)
        {
            var (dead, more) = await database.WriteAsync(DeleteSome, ct);
            foreach (var place in dead) segments.Add(place.Segment);
            deleted += dead.Count;
            if (!more) break;
        }

        while (await database.WriteAsync(DeleteStaged, ct))
        {
        }

        return deleted;
    }

    private (List<BlobPlace> Dead, bool More) DeleteSome(Transaction tx)
    {
        var until = tx.Now - UnlinkedAge;
        var due = new List<BlobRow>();
        using (var rows = tx.Prepare("SELECT " + BlobRow.Columns + " FROM blob WHERE unlinked_at <= $1 ORDER BY unlinked_at LIMIT $2")
            .Bind(until).Bind(SliceRows).Query())
        {
            while (rows.Next()) due.Add(BlobRow.Read(rows));
        }

        var dead = new List<BlobPlace>();
        var bytes = 0L;
        foreach (var row in due)
        {
            if (bytes > SliceBytes) return (dead, true);
            if (Delete(tx, row.Number, until)) dead.Add(row.Place);
            else continue;
            shelf.Drop(tx, row.Place);
            bytes += row.Place.StoredLength;
        }

        return (dead, due.Count == SliceRows);
    }

    private static bool Delete(Transaction tx, long number, DateTimeOffset until)
    {
        var deleted = tx.Prepare(
                """
                DELETE FROM blob WHERE number = $1 AND unlinked_at <= $2
                AND NOT EXISTS (SELECT 1 FROM blob_link WHERE blob_link.blob = blob.number)
                """)
            .Bind(number).Bind(until).Execute();
        if (deleted == 1) return true;

        // On PostgreSQL a link that was made beside the last unlinking may have met the mark: it is taken away.
        tx.Prepare("UPDATE blob SET unlinked_at = NULL WHERE number = $1 AND EXISTS (SELECT 1 FROM blob_link WHERE blob_link.blob = blob.number)")
            .Bind(number).Execute();
        return false;
    }

    private static bool DeleteStaged(Transaction tx)
    {
        var due = new List<long>();
        using (var rows = tx.Prepare("SELECT number FROM blob_data WHERE named = 0 AND staged_at <= $1 LIMIT $2")
            .Bind(tx.Now - UnlinkedAge).Bind(SliceRows).Query())
        {
            while (rows.Next()) due.Add(rows.Int64(0));
        }

        foreach (var number in due) TableShelf.Delete(tx, number);
        return due.Count == SliceRows;
    }
}
