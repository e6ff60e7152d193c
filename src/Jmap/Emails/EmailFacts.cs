using Posthorn.Core;
using Posthorn.Store;

namespace Posthorn.Jmap;

/// <summary>What an Email object is written from. The spans are empty where nobody asked for them.</summary>
internal readonly ref struct EmailFacts
{
    public required AccountId Account { get; init; }

    /// <summary>Null for a message that is no Email of the store (RFC 8621 §4.9).</summary>
    public EmailId? Email { get; init; }

    public ThreadId Thread { get; init; }

    public EmailPlaces? Places { get; init; }

    public DateTimeOffset ReceivedAt { get; init; }

    public required string BlobId { get; init; }

    public required long SizeBytes { get; init; }

    public required bool HasAttachment { get; init; }

    public ReadOnlySpan<byte> Envelope { get; init; }

    public ReadOnlySpan<byte> PreviewUtf8 { get; init; }

    /// <summary>What had to be read from the message itself.</summary>
    public EmailContent? Content { get; init; }
}

/// <summary>The same, kept while the message is opened.</summary>
internal sealed record EmailRecord(AccountId Account, string BlobId, long SizeBytes, bool HasAttachment)
{
    public EmailId? Email { get; init; }

    public ThreadId Thread { get; init; }

    public EmailPlaces? Places { get; init; }

    public DateTimeOffset ReceivedAt { get; init; }

    public required byte[] Envelope { get; init; }

    public required byte[] Structure { get; init; }

    public required byte[] PreviewUtf8 { get; init; }

    /// <summary>Octets before the place that offsets count from.</summary>
    public int PrefixLength { get; init; }

    public BlobId StoredBlob { get; init; }

    public byte[] TracePrefix { get; init; } = [];

    public EmailFacts Facts(EmailContent? content) => new()
    {
        Account = Account,
        Email = Email,
        Thread = Thread,
        Places = Places,
        ReceivedAt = ReceivedAt,
        BlobId = BlobId,
        SizeBytes = SizeBytes,
        HasAttachment = HasAttachment,
        Envelope = Envelope,
        PreviewUtf8 = PreviewUtf8,
        Content = content,
    };
}
