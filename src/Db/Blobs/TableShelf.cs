namespace Posthorn.Db;

/// <summary>
/// Stored bytes in the table blob_part, 256 KiB a row. A small blob travels inside its StagedBlob and is written by the action
/// that links it; a large one is written ahead under a number of its own in blob_data, which the linking action then names.
/// Data never named is deleted after a day.
/// </summary>
internal sealed class TableShelf(Database database) : BlobShelf
{
    public const int PartBytes = 256 * 1024;

    public override StagedBlob Stage(in SegmentRecord record, Span<byte> buffer) => new(record.Id, record.PlainLength)
    {
        Place = new BlobPlace(0, 0, record.StoredLength, record.Codec, record.PayloadCrc),
        Payload = buffer.Slice(SegmentRecord.HeaderBytes, (int)record.StoredLength).ToArray(),
    };

    public override BlobSink CreateSink() => new TableSink(database);

    public override void Secure(Transaction tx, in StagedBlob staged)
    {
        // The parts are in the same transaction, or committed before.
    }

    public override void Drop(Transaction tx, in BlobPlace place) => Delete(tx, place.Position);

    public override BlobSource? Open(in BlobPlace place) => new TableSource(database, place.Position);

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    public static void Delete(Transaction tx, long data)
    {
        tx.Prepare("DELETE FROM blob_part WHERE data = $1").Bind(data).Execute();
        tx.Prepare("DELETE FROM blob_data WHERE number = $1").Bind(data).Execute();
    }

    /// <summary>The number of the staged bytes' data, which from now on is kept.</summary>
    public static long Name(Transaction tx, in StagedBlob staged)
    {
        if (staged.Payload is null)
        {
            var named = tx.Prepare("UPDATE blob_data SET named = 1 WHERE number = $1").Bind(staged.Place.Position).Execute();
            if (named == 0) throw new DatabaseUnavailableException(DatabaseFault.Device, "The blob was staged too long ago");
            return staged.Place.Position;
        }

        var data = tx.Prepare("INSERT INTO blob_data (staged_at, named) VALUES ($1, 1) RETURNING number").Bind(tx.Now).Scalar()!.Value;
        WritePart(tx, data, 0, staged.Payload);
        return data;
    }

    public static void WritePart(Transaction tx, long data, long part, ReadOnlySpan<byte> bytes) =>
        tx.Prepare("INSERT INTO blob_part (data, part, bytes) VALUES ($1, $2, $3)").Bind(data).Bind(part).Bind(bytes).Execute();

    private sealed class TableSink(Database database) : BlobSink
    {
        private readonly byte[] _part = new byte[PartBytes];
        private int _filled;
        private long _parts;
        private long _data;
        private bool _complete;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> stored, CancellationToken ct)
        {
            while (!stored.IsEmpty)
            {
                var taken = Math.Min(stored.Length, PartBytes - _filled);
                stored.Span[..taken].CopyTo(_part.AsSpan(_filled));
                _filled += taken;
                stored = stored[taken..];
                if (_filled == PartBytes) await FlushAsync(ct);
            }
        }

        public override async ValueTask<StagedBlob> CompleteAsync(SegmentRecord record, CancellationToken ct)
        {
            if (_filled > 0) await FlushAsync(ct);
            _complete = true;
            return new StagedBlob(record.Id, record.PlainLength)
            {
                Place = new BlobPlace(0, _data, record.StoredLength, record.Codec, record.PayloadCrc),
            };
        }

        public override async ValueTask DisposeAsync()
        {
            if (_complete || _data == 0) return;
            _complete = true;
            try
            {
                await database.WriteAsync(
                    tx =>
                    {
                        Delete(tx, _data);
                        return 0;
                    },
                    CancellationToken.None);
            }
            catch (DatabaseUnavailableException)
            {
                // Collection deletes it a day later.
            }
        }

        private async ValueTask FlushAsync(CancellationToken ct)
        {
            var (data, part, length) = (_data, _parts, _filled);
            _data = await database.WriteAsync(
                tx =>
                {
                    var number = data != 0
                        ? data
                        : tx.Prepare("INSERT INTO blob_data (staged_at, named) VALUES ($1, 0) RETURNING number").Bind(tx.Now).Scalar()!.Value;
                    WritePart(tx, number, part, _part.AsSpan(0, length));
                    return number;
                },
                ct);
            _parts++;
            _filled = 0;
        }
    }

    private sealed class TableSource(Database database, long data) : BlobSource
    {
        public override async ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken ct)
        {
            if (destination.IsEmpty) return;
            var copied = await database.ReadAsync(snapshot => Copy(snapshot, offset, destination.Span), ct);
            if (copied != destination.Length) throw new InvalidDataException("parts are missing");
        }

        public override async ValueTask<string?> CheckRecordAsync(BlobRow row, CancellationToken ct)
        {
            var stored = await database.ReadAsync(
                snapshot => snapshot.Prepare("SELECT SUM(LENGTH(bytes)) FROM blob_part WHERE data = $1").Bind(data).Scalar() ?? 0, ct);
            return stored == row.Place.StoredLength ? null : $"its parts hold {stored} bytes instead of {row.Place.StoredLength}";
        }

        public override void Dispose()
        {
        }

        private int Copy(Snapshot snapshot, long offset, Span<byte> destination)
        {
            var copied = 0;
            using var rows = snapshot.Prepare("SELECT part, bytes FROM blob_part WHERE data = $1 AND part >= $2 AND part <= $3 ORDER BY part")
                .Bind(data).Bind(offset / PartBytes).Bind((offset + destination.Length - 1) / PartBytes).Query();
            while (rows.Next() && copied < destination.Length)
            {
                var skip = offset + copied - rows.Int64(0) * PartBytes;
                var bytes = rows.Blob(1);
                if (skip < 0 || skip >= bytes.Length) break;
                var taken = Math.Min(bytes.Length - (int)skip, destination.Length - copied);
                bytes.Slice((int)skip, taken).CopyTo(destination[copied..]);
                copied += taken;
            }

            return copied;
        }
    }
}
