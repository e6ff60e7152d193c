using System.Buffers;
using System.Security.Cryptography;
using Posthorn.Core;

namespace Posthorn.Db;

/// <summary>What reading every blob back has found.</summary>
/// <param name="Blobs">How many were read.</param>
/// <param name="SizeBytes">Their plain bytes.</param>
/// <param name="Findings">One sentence each; empty when all is well.</param>
public sealed record BlobReport(long Blobs, long SizeBytes, IReadOnlyList<string> Findings);

/// <summary>
/// Reads every blob back, against its checksums and its hash, and its record's header against its row; then compares blobs with
/// links. Mail may come and go meanwhile: what has been collected or moved between two looks is no finding.
/// </summary>
internal sealed class BlobVerifier(Database database, BlobStore store, BlobShelf shelf)
{
    private const int PageRows = 256;
    private const int FindingsMax = 1_000;

    private readonly byte[] _buffer = new byte[Packing.FrameBytes];
    private readonly List<string> _findings = [];
    private long _sizeBytes;

    public async Task<BlobReport> RunAsync(Action<long, long> progress, CancellationToken ct)
    {
        var total = await database.ReadAsync(snapshot => snapshot.Prepare("SELECT COUNT(*) FROM blob").Scalar() ?? 0, ct);
        var (done, last) = (0L, 0L);
        while (_findings.Count < FindingsMax)
        {
            var page = await database.ReadAsync(snapshot => Page(snapshot, last), ct);
            if (page.Count == 0) break;
            foreach (var row in page)
            {
                await CheckAsync(row, ct);
                progress(++done, Math.Max(total, done));
            }

            last = page[^1].Number;
        }

        await database.ReadAsync(CheckLinks, ct);
        return new BlobReport(done, _sizeBytes, _findings);
    }

    private static List<BlobRow> Page(Snapshot snapshot, long after)
    {
        var page = new List<BlobRow>();
        using var rows = snapshot.Prepare("SELECT " + BlobRow.Columns + " FROM blob WHERE number > $1 ORDER BY number LIMIT $2")
            .Bind(after).Bind(PageRows).Query();
        while (rows.Next()) page.Add(BlobRow.Read(rows));
        return page;
    }

    private async Task CheckAsync(BlobRow row, CancellationToken ct)
    {
        try
        {
            using (var reader = await store.OpenAsync(row.Id, ct))
            {
                if (reader is null) return;
                await CheckHashAsync(reader, ct);
            }

            using var source = shelf.Open(row.Place);
            if (source is not null && await source.CheckRecordAsync(row, ct) is { } finding) _findings.Add($"Blob {row.Id}: {finding}");
        }
        catch (DatabaseUnavailableException error) when (error.Fault is DatabaseFault.Corrupt or DatabaseFault.Device)
        {
            _findings.Add(error.Message);
        }
    }

    private async Task CheckHashAsync(BlobReader reader, CancellationToken ct)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var offset = 0L;
        while (await reader.ReadAsync(offset, _buffer, ct) is var read && read > 0)
        {
            hash.AppendData(_buffer, 0, read);
            offset += read;
        }

        _sizeBytes += offset;
        if (new BlobId(hash.GetHashAndReset()) != reader.Id) _findings.Add($"Blob {reader.Id} holds other bytes than its hash says");
    }

    private bool CheckLinks(Snapshot snapshot)
    {
        Find(
            snapshot,
            "SELECT number FROM blob WHERE unlinked_at IS NULL AND NOT EXISTS (SELECT 1 FROM blob_link WHERE blob_link.blob = blob.number) LIMIT $1",
            number => $"Blob number {number} has no link and is not marked for collection");
        Find(
            snapshot,
            "SELECT DISTINCT blob FROM blob_link WHERE NOT EXISTS (SELECT 1 FROM blob WHERE number = blob_link.blob) LIMIT $1",
            number => $"Blob number {number} is linked and is not there");
        Find(
            snapshot,
            """
            SELECT number FROM blob_data WHERE named = 1
            AND NOT EXISTS (SELECT 1 FROM blob WHERE segment = 0 AND position = blob_data.number) LIMIT $1
            """,
            number => $"Data number {number} is kept and belongs to no blob");
        return true;
    }

    private void Find(Snapshot snapshot, string sql, Func<long, string> sentence)
    {
        using var rows = snapshot.Prepare(sql).Bind(FindingsMax).Query();
        while (_findings.Count < FindingsMax && rows.Next()) _findings.Add(sentence(rows.Int64(0)));
    }
}
