using System.Buffers;
using System.Globalization;
using Posthorn.Db;
using ZstdSharp;

namespace Posthorn.Delivery;

/// <summary>
/// The blocks of one database: a table for each day (UTC), which goes as a whole. A block is up to 256 events as compressed lines of JSON, with a
/// Bloom filter of everything that they are found by, so writing costs one row for hundreds of events and no index, and a question reads the filters.
/// </summary>
internal static class JourneyTable
{
    public static Schema Schema { get; } = new(
        "journey",
        [
            """
            CREATE TABLE journey_day (day BIGINT NOT NULL PRIMARY KEY) WITHOUT ROWID;
            """,
        ]);

    // Half a megabyte of tables, for the thread that writes.
    [ThreadStatic]
    private static Compressor? _compressor;

    /// <summary>As 20261126.</summary>
    public static int DayOf(DateTimeOffset at)
    {
        var day = at.UtcDateTime;
        return day.Year * 10_000 + day.Month * 100 + day.Day;
    }

    /// <param name="made">The days whose tables are known to be there.</param>
    public static void Write(Transaction tx, IReadOnlyList<JourneyEvent> events, HashSet<int> made)
    {
        foreach (var day in events.GroupBy(static step => DayOf(step.At)))
        {
            if (!made.Contains(day.Key)) Make(tx, day.Key);
            JourneyEvent[] steps = [.. day];
            var lines = new ArrayBufferWriter<byte>(64 * 1024);
            var filter = BloomFilter.For(steps.Sum(static step => 4 + step.To.Count));
            foreach (var step in steps)
            {
                JourneyText.Write(lines, step);
                JourneyKeys.AddTo(filter, step);
            }
            var packed = (_compressor ??= new Compressor(level: 1)).Wrap(lines.WrittenSpan);
            tx.Prepare($"INSERT INTO {TableOf(day.Key)} (begins, ends, plain, keys, lines) VALUES ($1, $2, $3, $4, $5)")
                .Bind(steps.Min(static step => step.At)).Bind(steps.Max(static step => step.At)).Bind(lines.WrittenCount).Bind(filter.Bits)
                .Bind(packed).Execute();
        }
    }

    /// <summary>The days there are, the last first.</summary>
    public static List<int> Days(Snapshot db)
    {
        var days = new List<int>();
        using var rows = db.Prepare("SELECT day FROM journey_day ORDER BY day DESC").Query();
        while (rows.Next()) days.Add((int)rows.Int64(0));
        return days;
    }

    /// <summary>Blocks of a day that may hold the key, behind one in the order of time or, looking back, before it.</summary>
    public static List<(long Block, byte[] Lines)> Blocks(
        Snapshot db, int day, string? key, DateTimeOffset since, DateTimeOffset until, long from, bool back, int max)
    {
        var order = back
            ? "block < $1 AND ends >= $2 AND begins <= $3 ORDER BY block DESC"
            : "block > $1 AND ends >= $2 AND begins <= $3 ORDER BY block";
        var found = new List<(long, int)>();
        using (var rows = db.Prepare($"SELECT block, keys, plain FROM {TableOf(day)} WHERE {order}").Bind(from).Bind(since).Bind(until).Query())
        {
            while (found.Count < max && rows.Next())
            {
                if (key is null || BloomFilter.MayHold(rows.Blob(1), key)) found.Add((rows.Int64(0), (int)rows.Int64(2)));
            }
        }
        return [.. found.Select(block => (block.Item1, Lines(db, day, block.Item1, block.Item2)))];
    }

    /// <summary>Lets go of the days before one.</summary>
    public static int Purge(Transaction tx, int before)
    {
        var old = Days(tx).Where(day => day < before).ToList();
        foreach (var day in old)
        {
            tx.Prepare($"DROP TABLE IF EXISTS {TableOf(day)}").Execute();
            tx.Prepare("DELETE FROM journey_day WHERE day = $1").Bind(day).Execute();
        }
        return old.Count;
    }

    private static void Make(Transaction tx, int day)
    {
        var key = tx.Kind == DatabaseKind.Sqlite ? "INTEGER PRIMARY KEY" : "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY";
        var blob = tx.Kind == DatabaseKind.Sqlite ? "BLOB" : "BYTEA";
        tx.Prepare($"""
            CREATE TABLE IF NOT EXISTS {TableOf(day)} (block {key}, begins BIGINT NOT NULL, ends BIGINT NOT NULL, plain BIGINT NOT NULL,
                keys {blob} NOT NULL, lines {blob} NOT NULL)
            """).Execute();
        tx.Prepare("INSERT INTO journey_day (day) VALUES ($1) ON CONFLICT (day) DO NOTHING").Bind(day).Execute();
    }

    private static byte[] Lines(Snapshot db, int day, long block, int plain)
    {
        using var rows = db.Prepare($"SELECT lines FROM {TableOf(day)} WHERE block = $1").Bind(block).Query();
        if (!rows.Next()) return [];
        var lines = new byte[plain];
        using var decompressor = new Decompressor();
        decompressor.Unwrap(rows.Blob(0), lines);
        return lines;
    }

    // A number of ours, never a stranger's text.
    private static string TableOf(int day) => string.Create(CultureInfo.InvariantCulture, $"journey_{day}");
}
