using System.Globalization;

namespace Posthorn.Jmap;

/// <summary>What of Emails a client wants to see (RFC 8621 §4.2).</summary>
internal sealed class EmailProperties
{
    public static readonly string[] ArgumentNames =
        ["properties", "bodyProperties", "fetchTextBodyValues", "fetchHTMLBodyValues", "fetchAllBodyValues", "maxBodyValueBytes"];

    private static readonly string[] Known =
    [
        "id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "headers", "messageId", "inReplyTo", "references", "sender",
        "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyStructure", "bodyValues", "textBody",
        "htmlBody", "attachments",
    ];

    private static readonly string[] Default =
    [
        "id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo", "references", "sender", "from", "to",
        "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody", "attachments",
    ];

    private static readonly string[] DefaultOfParsed =
    [
        "messageId", "inReplyTo", "references", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview",
        "bodyValues", "textBody", "htmlBody", "attachments",
    ];

    private static readonly string[] KnownOfParts =
    [
        "partId", "blobId", "size", "headers", "name", "type", "charset", "disposition", "cid", "language", "location", "subParts",
    ];

    private static readonly string[] DefaultOfParts =
        ["partId", "blobId", "size", "name", "type", "charset", "disposition", "cid", "language", "location"];

    private static readonly string[] OfEnvelope =
        ["messageId", "inReplyTo", "sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt"];

    private static readonly string[] OfStructure = ["bodyStructure", "textBody", "htmlBody", "attachments"];

    public required IReadOnlyList<string> Names { get; init; }

    /// <summary>Those among <see cref="Names"/> that are header properties.</summary>
    public required IReadOnlyDictionary<string, HeaderRequest> Headers { get; init; }

    public required IReadOnlyList<string> PartNames { get; init; }

    public required IReadOnlyDictionary<string, HeaderRequest> PartHeaders { get; init; }

    public required bool TextValues { get; init; }

    public required bool HtmlValues { get; init; }

    public required bool AllValues { get; init; }

    /// <summary>Octets of a body value; 0 for no limit but the server's.</summary>
    public required long ValueOctetsMax { get; init; }

    public bool NeedsEnvelope => Names.Any(OfEnvelope.Contains);

    public bool NeedsValues => (TextValues || HtmlValues || AllValues) && Names.Contains("bodyValues");

    public bool NeedsStructure => NeedsValues || Names.Any(OfStructure.Contains);

    public bool NeedsPartHeaders => PartHeaders.Count > 0 || PartNames.Contains("headers");

    /// <summary>The message's header has to be read.</summary>
    public bool NeedsHeader => Headers.Count > 0 || Names.Contains("headers") || Names.Contains("references");

    /// <summary>The octets of the message may have to be opened; without this what is stored beside it is enough.</summary>
    public bool NeedsOctets => NeedsHeader || NeedsStructure;

    public static EmailProperties Read(Arguments arguments, bool isParsed = false)
    {
        var named = arguments.Texts("properties");
        var headers = new Dictionary<string, HeaderRequest>(StringComparer.Ordinal);
        if (named is not null) Check(named, "properties", Known, headers);
        var partNames = arguments.Texts("bodyProperties");
        var partHeaders = new Dictionary<string, HeaderRequest>(StringComparer.Ordinal);
        if (partNames is not null) Check(partNames, "bodyProperties", KnownOfParts, partHeaders);
        var names = named is null ? isParsed ? DefaultOfParsed : Default
            : isParsed ? [.. named.Distinct(StringComparer.Ordinal)] : named.Prepend("id").Distinct(StringComparer.Ordinal).ToArray();
        return new EmailProperties
        {
            Names = names,
            Headers = headers,
            PartNames = partNames is null ? DefaultOfParts : [.. partNames.Distinct(StringComparer.Ordinal)],
            PartHeaders = partHeaders,
            TextValues = arguments.Flag("fetchTextBodyValues"),
            HtmlValues = arguments.Flag("fetchHTMLBodyValues"),
            AllValues = arguments.Flag("fetchAllBodyValues"),
            ValueOctetsMax = arguments.Unsigned("maxBodyValueBytes") ?? 0,
        };
    }

    private static void Check(List<string> named, string argument, string[] known, Dictionary<string, HeaderRequest> headers)
    {
        for (var i = 0; i < named.Count; i++)
        {
            if (known.Contains(named[i])) continue;
            headers[named[i]] = HeaderRequest.TryParse(named[i])
                ?? throw MethodErrorException.Invalid(string.Create(CultureInfo.InvariantCulture, $"{argument}/{i}"), "there is no such property");
        }
    }
}
