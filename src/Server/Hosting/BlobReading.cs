using System.Security.Cryptography;
using Posthorn.Admin;
using Posthorn.Core;
using Posthorn.Db;

namespace Posthorn.Server;

/// <summary>Reads every blob back and compares it with its name.</summary>
internal static class BlobReading
{
    private const int PageRows = 256;

    public static async Task<BlobFindings> RunAsync(Database db, BlobStore blobs, Action<long, long> progress, CancellationToken ct)
    {
        var findings = new List<string>();
        var all = await db.ReadAsync(rows => rows.Prepare("SELECT COUNT(*) FROM blob").Scalar() ?? 0, ct);
        var (done, last) = (0L, 0L);
        while (true)
        {
            var page = await db.ReadAsync(snapshot => Page(snapshot, last), ct);
            if (page.Count == 0) return new BlobFindings(done, findings);
            foreach (var (_, id) in page)
            {
                if (await FaultOfAsync(blobs, id, ct) is { } fault) findings.Add(fault);
                progress(++done, all);
            }
            last = page[^1].Number;
        }
    }

    private static List<(long Number, BlobId Id)> Page(Snapshot db, long last)
    {
        var page = new List<(long, BlobId)>();
        using var rows = db.Prepare($"SELECT number, hash FROM blob WHERE number > $1 ORDER BY number LIMIT {PageRows}").Bind(last).Query();
        while (rows.Next()) page.Add((rows.Int64(0), new BlobId(rows.Blob(1))));
        return page;
    }

    private static async Task<string?> FaultOfAsync(BlobStore blobs, BlobId id, CancellationToken ct)
    {
        try
        {
            using var reader = await blobs.OpenAsync(id, ct);
            if (reader is null) return null; // collected since
            await using var stream = reader.AsStream();
            return new BlobId(await SHA256.HashDataAsync(stream, ct)) == id ? null : $"blob {id} is not what its name says";
        }
        catch (DatabaseUnavailableException e) when (e.Fault == DatabaseFault.Corrupt)
        {
            return e.Message;
        }
    }
}
