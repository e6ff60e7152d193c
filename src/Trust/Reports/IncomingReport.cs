using System.Text;
using Posthorn.Mime;

namespace Posthorn.Trust;

/// <summary>What a message at a report address turned out to be.</summary>
public abstract record IncomingReport
{
    private IncomingReport()
    {
    }

    public sealed record Aggregate(AggregateReport Report) : IncomingReport;

    public sealed record Feedback(FeedbackReport Report) : IncomingReport;

    public sealed record Tls(TlsReport Report) : IncomingReport;

    /// <summary>A report that is not taken.</summary>
    public sealed record Refused(ReportFault Fault) : IncomingReport;

    /// <summary>Octets of a message that is looked into.</summary>
    public const int MessageOctetsMax = ReportLimits.MessageOctetsMax;

    /// <summary>What a longer message is.</summary>
    public static IncomingReport TooLarge { get; } =
        new Refused(new ReportFault(ReportFaultKind.TooLarge, $"the message has more than {MessageOctetsMax} octets"));

    /// <summary>Finds the report in a message by the structure that was read at its arrival. Never throws because of the message.</summary>
    /// <returns>Null when there is none in it: somebody has written.</returns>
    public static IncomingReport? Read(ReadOnlySpan<byte> message, ReadOnlySpan<byte> structure)
    {
        if (message.Length > MessageOctetsMax) return TooLarge;
        var search = new Search(message);
        search.Visit(new StructureView(structure).Root);
        return search.Found;
    }

    // A report that is enclosed or forwarded is somebody else's, so the walk goes into multiparts only.
    private ref struct Search(ReadOnlySpan<byte> message)
    {
        private readonly ReadOnlySpan<byte> _message = message;
        private int _parts;

        public IncomingReport? Found { get; private set; }

        public void Visit(PartView part)
        {
            if (Found is not null || ++_parts > ReportLimits.PartsMax) return;
            if (part.Kind == PartKind.Multipart)
            {
                if (part.Subtype.SequenceEqual("report"u8) && Feedback(part)) return;
                foreach (var child in part) Visit(child);
                return;
            }
            if (part.Kind != PartKind.Leaf || !MayHoldReport(part)) return;
            Found = File(PartContent.Decode(Octets(part), part.Encoding), IsType(part, "application"u8, "tlsrpt+gzip"u8));
        }

        // RFC 5965 §2: text, the fields, the message or its header.
        private bool Feedback(PartView report)
        {
            ReadOnlySpan<byte> fields = default, original = default;
            var any = false;
            foreach (var part in report)
            {
                if (IsType(part, "message"u8, "feedback-report"u8))
                {
                    fields = PartContent.Decode(Octets(part), part.Encoding);
                    any = true;
                }
                else if (any && (part.Type.SequenceEqual("message"u8) || IsType(part, "text"u8, "rfc822-headers"u8)))
                {
                    original = PartContent.Decode(Octets(part), part.Encoding);
                }
            }
            if (!any) return false;
            Found = FeedbackReportReader.TryRead(fields, original, out var read, out var fault)
                ? new IncomingReport.Feedback(read!)
                : new Refused(fault!);
            return true;
        }

        private readonly ReadOnlySpan<byte> Octets(PartView part)
        {
            var start = (int)Math.Min(part.BodyStart, _message.Length);
            return _message.Slice(start, (int)Math.Min(part.Octets, _message.Length - start));
        }

        // RFC 7489 §7.2.1.1, RFC 8460 §6.4 and 6.5; then what is sent instead.
        private static bool MayHoldReport(PartView part) => Encoding.ASCII.GetString(part.Type) switch
        {
            "application" => Encoding.ASCII.GetString(part.Subtype) switch
            {
                "gzip" or "x-gzip" or "tlsrpt+gzip" or "tlsrpt+json" or "xml" or "zip" or "x-zip" or "x-zip-compressed" => true,
                "octet-stream" or "x-gzip-compressed" or "json" => HasReportName(part),
                _ => false,
            },
            "text" => part.Subtype.SequenceEqual("xml"u8) || (part.Subtype.SequenceEqual("plain"u8) && HasReportName(part)),
            _ => false,
        };

        private static bool HasReportName(PartView part)
        {
            var name = PartContent.FileName(part) ?? "";
            return name.EndsWith(".xml", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".zip", StringComparison.OrdinalIgnoreCase)
                || name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".json", StringComparison.OrdinalIgnoreCase);
        }

        private static bool IsType(PartView part, ReadOnlySpan<byte> type, ReadOnlySpan<byte> subtype) =>
            part.Type.SequenceEqual(type) && part.Subtype.SequenceEqual(subtype);
    }

    /// <summary>A file on its own: XML, JSON, either of them compressed.</summary>
    /// <param name="isReport">It says that it is a TLS report, so what cannot be read is refused and not passed over.</param>
    internal static IncomingReport? File(byte[] file, bool isReport = false)
    {
        try
        {
            var packed = file;
            file = ReportPackage.Unpack(file);
            var text = file.AsSpan().TrimStart("\uFEFF"u8).TrimStart(" \t\r\n"u8);
            if (text.StartsWith("{"u8) || isReport)
            {
                return TlsReportReader.TryRead(file, out var tls, out var wrong) ? new Tls(tls!) : new Refused(wrong!);
            }
            if (!text.StartsWith("<"u8)) return packed == file ? null : throw NoReport();
            return AggregateReportReader.TryRead(file, out var aggregate, out var fault) ? new Aggregate(aggregate!) : new Refused(fault!);
        }
        catch (ReportFaultException refused)
        {
            return new Refused(refused.Fault);
        }
    }

    private static ReportFaultException NoReport() => new(ReportFaultKind.MalformedXml, "the archive holds neither XML nor JSON");
}
