using Posthorn.Core;
using Posthorn.Mime;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>A blob open for reading: a message, an uploaded file, or the decoded content of a part of either.</summary>
internal sealed class OpenBlob : IDisposable
{
    private readonly StoredMessage _message;
    private readonly byte[]? _inner;
    private readonly long _start;
    private readonly long _octets;
    private long? _length;

    private OpenBlob(StoredMessage message, byte[]? inner, long start, long octets, string encoding, string? type)
    {
        (_message, _inner, _start, _octets, Encoding, Type) = (message, inner, start, octets, encoding, type);
        if (!IsEncoded) _length = octets;
    }

    private string Encoding { get; }

    /// <summary>The media type of a part; null for a file.</summary>
    public string? Type { get; }

    private bool IsEncoded => Encoding is not ("7bit" or "8bit" or "binary") && PartContent.IsKnown(Encoding);

    /// <summary>Null when the account has no such blob.</summary>
    public static async ValueTask<OpenBlob?> OpenAsync(MailStore store, AccountId account, string id, CancellationToken ct)
    {
        if (!BlobName.TryParse(id, account, out var name)) return null;
        var message = name.File is { } file
            ? await store.Uploads.OpenAsync(account, file, ct)
            : await store.Emails.OpenMessageAsync(account, name.Email, ct);
        if (message is null) return null;
        var blob = new OpenBlob(message, null, 0, message.Length, "binary", name.File is null ? "message/rfc822" : null);
        try
        {
            foreach (var section in name.Sections)
            {
                if (await blob.PartAsync(section, ct) is not { } part)
                {
                    blob.Dispose();
                    return null;
                }
                blob = part;
            }
            return blob;
        }
        catch
        {
            blob.Dispose();
            throw;
        }
    }

    /// <summary>The decoded octets from their beginning. The blob stays open until it is disposed.</summary>
    public Stream Read() => PartContent.Open(Raw(), Encoding);

    /// <summary>Octets of what <see cref="Read"/> gives.</summary>
    public async ValueTask<long> LengthAsync(CancellationToken ct)
    {
        if (_length is { } known) return known;
        await using var stream = Read();
        var buffer = new byte[16 * 1024];
        var count = 0L;
        while (await stream.ReadAsync(buffer, ct) is > 0 and var read) count += read;
        _length = count;
        return count;
    }

    /// <summary>The decoded octets in memory; null when there are more than allowed.</summary>
    public async ValueTask<byte[]?> ReadAllAsync(long octetsMax, CancellationToken ct)
    {
        var length = await LengthAsync(ct);
        if (length > octetsMax) return null;
        var bytes = new byte[length];
        await using var stream = Read();
        await stream.ReadExactlyAsync(bytes, ct);
        return bytes;
    }

    public void Dispose() => _message.Dispose();

    private Stream Raw() => _inner is null ? new OctetRange(_message, _start, _octets)
        : new MemoryStream(_inner, (int)_start, (int)_octets, writable: false);

    // What this is open on passes to the part.
    private async ValueTask<OpenBlob?> PartAsync(string section, CancellationToken ct)
    {
        var inner = _inner;
        var offset = _start;
        if (IsEncoded)
        {
            inner = await ReadAllAsync(JmapLimits.AttachmentOctetsMax, ct);
            if (inner is null) return null;
            offset = 0;
        }
        MessageSummary summary;
        await using (var stream = Read()) summary = await MessageReader.ReadAsync(stream, ct);
        var part = BodyPart.Read(summary.Structure).All.FirstOrDefault(p => p.PartId == section);
        return part is null ? null : new OpenBlob(_message, inner, offset + part.BodyStart, part.Octets, part.Encoding, part.Type);
    }
}
