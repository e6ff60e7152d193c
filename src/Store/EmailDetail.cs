using System.Text;
using Posthorn.Core;
using Posthorn.Db;
using Posthorn.Mime;

namespace Posthorn.Store;

/// <summary>Which columns of an Email are wanted; the others read as empty.</summary>
[Flags]
public enum DetailParts
{
    None = 0,
    Envelope = 1,
    Structure = 2,
    Preview = 4,
    TracePrefix = 8,
    BaseSubject = 16,
    ThreadLink = 32,
}

/// <summary>What is stored of one Email besides its memberships. The spans are valid within the visit.</summary>
public readonly ref struct EmailDetail
{
    internal EmailDetail(in Rows rows, DetailParts parts)
    {
        var key = rows.Int64(0);
        Email = EmailTable.EmailOf(key);
        Thread = new ThreadId(rows.Int64(1) & uint.MaxValue);
        SizeBytes = rows.Int64(2);
        _receivedAt = rows.Int64(3);
        _sentAt = rows.NullableInt64(4);
        HasAttachment = rows.Bool(5);
        Blob = new BlobId(rows.Blob(6));
        TracePrefixLength = (int)rows.Int64(7);
        var column = 8;
        if (parts.HasFlag(DetailParts.Envelope)) Envelope = rows.Blob(column++);
        if (parts.HasFlag(DetailParts.Structure)) Structure = rows.Blob(column++);
        if (parts.HasFlag(DetailParts.Preview)) PreviewUtf8 = rows.Blob(column++);
        if (parts.HasFlag(DetailParts.TracePrefix)) TracePrefix = rows.Blob(column++);
        if (parts.HasFlag(DetailParts.BaseSubject)) BaseSubjectUtf8 = rows.Blob(column++);
        if (parts.HasFlag(DetailParts.ThreadLink)) ThreadLink = new ThreadLink(rows.IsNull(column) ? default : rows.Blob(column));
    }

    private readonly long _receivedAt;
    private readonly long? _sentAt;

    public EmailId Email { get; }

    public ThreadId Thread { get; }

    public BlobId Blob { get; }

    /// <summary>Octets of the whole message.</summary>
    public long SizeBytes { get; }

    public DateTimeOffset ReceivedAt => DateTimeOffset.FromUnixTimeMilliseconds(_receivedAt);

    /// <summary>The Date header.</summary>
    public DateTimeOffset? SentAt => _sentAt is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : null;

    public bool HasAttachment { get; }

    /// <summary>Octets before the blob: offsets of <see cref="Structure"/> count from the blob's first octet.</summary>
    public int TracePrefixLength { get; }

    /// <summary>For <see cref="EnvelopeView"/>.</summary>
    public ReadOnlySpan<byte> Envelope { get; }

    /// <summary>For <see cref="StructureView"/>.</summary>
    public ReadOnlySpan<byte> Structure { get; }

    public ReadOnlySpan<byte> PreviewUtf8 { get; }

    public string Preview => Encoding.UTF8.GetString(PreviewUtf8);

    /// <summary>The recipient's own trace headers.</summary>
    public ReadOnlySpan<byte> TracePrefix { get; }

    /// <summary>RFC 5256 §2.1, for SORT and THREAD.</summary>
    public ReadOnlySpan<byte> BaseSubjectUtf8 { get; }

    /// <summary>What THREAD=REFERENCES needs.</summary>
    public ThreadLink ThreadLink { get; }

    /// <summary>The statements: one for each combination of parts, made once.</summary>
    internal static string RangeSql(DetailParts parts) => Sql[(int)parts];

    private static readonly string[] Sql = [.. Enumerable.Range(0, 64).Select(p => Compose((DetailParts)p))];

    private static string Compose(DetailParts parts)
    {
        var columns = new StringBuilder("id, thread, size_bytes, received_at, sent_at, has_attachment, blob, LENGTH(prefix)");
        if (parts.HasFlag(DetailParts.Envelope)) columns.Append(", envelope");
        if (parts.HasFlag(DetailParts.Structure)) columns.Append(", structure");
        if (parts.HasFlag(DetailParts.Preview)) columns.Append(", preview");
        if (parts.HasFlag(DetailParts.TracePrefix)) columns.Append(", prefix");
        if (parts.HasFlag(DetailParts.BaseSubject)) columns.Append(", base_subject");
        if (parts.HasFlag(DetailParts.ThreadLink)) columns.Append(", thread_link");
        return $"SELECT {columns} FROM email WHERE id BETWEEN $1 AND $2 ORDER BY id";
    }
}

/// <param name="index">Which of the Emails asked for.</param>
public delegate void EmailDetailVisitor(int index, in EmailDetail detail);
