namespace Posthorn.Db;

/// <summary>The stored bytes of a small blob that travels inside its <see cref="StagedBlob"/>.</summary>
internal sealed class PayloadSource(byte[] payload) : BlobSource
{
    public override ValueTask ReadAsync(long offset, Memory<byte> destination, CancellationToken ct)
    {
        payload.AsMemory((int)offset, destination.Length).CopyTo(destination);
        return ValueTask.CompletedTask;
    }

    public override ValueTask<string?> CheckRecordAsync(BlobRow row, CancellationToken ct) => new((string?)null);

    public override void Dispose()
    {
    }
}
