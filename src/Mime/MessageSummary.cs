namespace Posthorn.Mime;

/// <summary>What is known of a message without opening it again: computed once at arrival, stored, read by IMAP, JMAP and search.</summary>
public sealed record MessageSummary
{
    /// <summary>Packed; read through <see cref="EnvelopeView"/>.</summary>
    public required byte[] Envelope { get; init; }

    /// <summary>Packed; read through <see cref="StructureView"/>.</summary>
    public required byte[] Structure { get; init; }

    /// <summary>At most <see cref="MimeLimits.PreviewCharsMax"/> characters of readable text, white space collapsed.</summary>
    public required string Preview { get; init; }

    /// <summary>Without angle brackets.</summary>
    public required string? MessageId { get; init; }

    /// <summary>The ids of References, then those of In-Reply-To, each once, without angle brackets.</summary>
    public required IReadOnlyList<string> References { get; init; }

    /// <summary>The ancestors by RFC 5256 §3: the ids of References, or else the first one of In-Reply-To; the parent last.</summary>
    public required IReadOnlyList<string> Ancestors { get; init; }

    /// <summary>RFC 5256 §2.1: the subject carries the mark of a reply or of a forwarded message.</summary>
    public required bool IsReplyOrForward { get; init; }

    /// <summary>RFC 5256 §2.1, in lower case for comparison only where the reader folds it; the text keeps its case.</summary>
    public required string BaseSubject { get; init; }

    /// <summary>The Date header, when it can be read.</summary>
    public required DateTimeOffset? SentAt { get; init; }

    /// <summary>RFC 8621 §4.1.4: a part that a client should offer as a download.</summary>
    public required bool HasAttachment { get; init; }

    /// <summary>Octets of the message.</summary>
    public required long Length { get; init; }
}
