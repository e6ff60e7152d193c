namespace Posthorn.Trust;

/// <summary>Reads an aggregate report as the world writes it: elements in any order, unknown ones passed over, of either namespace.</summary>
internal static class AggregateReportReader
{
    public static bool TryRead(ReadOnlySpan<byte> xml, out AggregateReport? report, out ReportFault? fault)
    {
        (report, fault) = (null, null);
        try
        {
            ReportText.RequireUtf8(xml, ReportLimits.BadOctetsMax);
            report = Read(xml);
            return true;
        }
        catch (ReportFaultException refused)
        {
            fault = refused.Fault;
            return false;
        }
    }

    // Some reporters wrap the report in a schema element that they never close, so nothing behind the report is looked at.
    private static AggregateReport Read(ReadOnlySpan<byte> xml)
    {
        var scanner = new XmlScanner(xml);
        while (scanner.Read())
        {
            if (scanner.Token == XmlToken.Start && scanner.Name.SequenceEqual("feedback"u8)) return ReadFeedback(ref scanner);
        }
        throw ReportText.Missing("feedback element");
    }

    private static AggregateReport ReadFeedback(ref XmlScanner xml)
    {
        Metadata? metadata = null;
        PublishedPolicy? policy = null;
        var records = new List<AggregateRecord>();
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("report_metadata"u8))
            {
                metadata = ReadMetadata(ref xml);
            }
            else if (xml.Name.SequenceEqual("policy_published"u8))
            {
                policy = ReadPolicy(ref xml);
            }
            else if (xml.Name.SequenceEqual("record"u8))
            {
                if (records.Count == ReportLimits.RecordsMax)
                {
                    throw new ReportFaultException(ReportFaultKind.TooManyRecords, $"the report has more than {ReportLimits.RecordsMax} records");
                }
                records.Add(ReadRecord(ref xml));
            }
        }
        if (metadata is null) throw ReportText.Missing("report_metadata");
        return new AggregateReport
        {
            Organization = metadata.Name,
            Contact = ReportText.OrNull(metadata.Email),
            ExtraContact = ReportText.OrNull(metadata.Extra),
            ReportId = metadata.ReportId,
            Begins = metadata.Begins,
            Ends = metadata.Ends,
            Generator = ReportText.OrNull(metadata.Generator),
            Policy = policy ?? throw ReportText.Missing("policy_published"),
            Records = records,
        };
    }

    private static Metadata ReadMetadata(ref XmlScanner xml)
    {
        string name = "", email = "", extra = "", id = "", generator = "";
        DateTimeOffset? begins = null, ends = null;
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("org_name"u8)) name = xml.ReadValue();
            else if (xml.Name.SequenceEqual("email"u8)) email = xml.ReadValue();
            else if (xml.Name.SequenceEqual("extra_contact_info"u8)) extra = xml.ReadValue();
            else if (xml.Name.SequenceEqual("report_id"u8)) id = xml.ReadValue();
            else if (xml.Name.SequenceEqual("generator"u8)) generator = xml.ReadValue();
            else if (xml.Name.SequenceEqual("date_range"u8)) (begins, ends) = ReadRange(ref xml);
        }
        if (name.Length == 0) name = email[(email.LastIndexOf('@') + 1)..]; // some leave the name out that the RFC asks for
        if (name.Length == 0) throw ReportText.Missing("org_name");
        if (id.Length == 0) throw ReportText.Missing("report_id");
        if (begins is not { } first || ends is not { } last) throw ReportText.Missing("date_range");
        ReportText.RequireSpan(first, last);
        return new Metadata(name, email, extra, id, generator, first, last);
    }

    private static (DateTimeOffset? Begins, DateTimeOffset? Ends) ReadRange(ref XmlScanner xml)
    {
        DateTimeOffset? begins = null, ends = null;
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("begin"u8)) begins = ReportText.UnixTime(xml.ReadValue(), "begin");
            else if (xml.Name.SequenceEqual("end"u8)) ends = ReportText.UnixTime(xml.ReadValue(), "end");
        }
        return (begins, ends);
    }

    private static PublishedPolicy ReadPolicy(ref XmlScanner xml)
    {
        var policy = new PublishedPolicy("");
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            var name = xml.Name;
            var value = xml.ReadValue();
            if (value.Length == 0) continue;
            if (name.SequenceEqual("domain"u8)) policy = policy with { Domain = ReportText.Domain(value) };
            else if (name.SequenceEqual("p"u8)) policy = policy with { P = value };
            else if (name.SequenceEqual("sp"u8)) policy = policy with { Sp = value };
            else if (name.SequenceEqual("np"u8)) policy = policy with { Np = value };
            else if (name.SequenceEqual("adkim"u8)) policy = policy with { Adkim = value };
            else if (name.SequenceEqual("aspf"u8)) policy = policy with { Aspf = value };
            else if (name.SequenceEqual("pct"u8)) policy = policy with { Pct = value };
            else if (name.SequenceEqual("fo"u8)) policy = policy with { Fo = value };
            else if (name.SequenceEqual("testing"u8)) policy = policy with { Testing = value };
            else if (name.SequenceEqual("discovery_method"u8)) policy = policy with { DiscoveryMethod = value };
        }
        return policy.Domain.Length > 0 ? policy : throw ReportText.Missing("domain in policy_published");
    }

    private static AggregateRecord ReadRecord(ref XmlScanner xml)
    {
        AggregateRecord? row = null;
        string headerFrom = "", envelopeFrom = "", envelopeTo = "";
        var dkim = new List<ReportedDkim>();
        var spf = new List<ReportedSpf>();
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("row"u8))
            {
                row = ReadRow(ref xml);
            }
            else if (xml.Name.SequenceEqual("identifiers"u8) || xml.Name.SequenceEqual("identities"u8)) // drafts of RFC 7489
            {
                for (var inner = xml.Depth; xml.NextChild(inner);)
                {
                    if (xml.Name.SequenceEqual("header_from"u8)) headerFrom = ReportText.Domain(xml.ReadValue());
                    else if (xml.Name.SequenceEqual("envelope_from"u8)) envelopeFrom = ReportText.Domain(xml.ReadValue());
                    else if (xml.Name.SequenceEqual("envelope_to"u8)) envelopeTo = ReportText.Domain(xml.ReadValue());
                }
            }
            else if (xml.Name.SequenceEqual("auth_results"u8))
            {
                ReadResults(ref xml, dkim, spf);
            }
        }
        if (headerFrom.Length == 0) throw ReportText.Missing("header_from in a record");
        return (row ?? throw ReportText.Missing("row in a record")) with
        {
            HeaderFrom = headerFrom,
            EnvelopeFrom = ReportText.OrNull(envelopeFrom),
            EnvelopeTo = ReportText.OrNull(envelopeTo),
            DkimResults = dkim,
            SpfResults = spf,
        };
    }

    private static AggregateRecord ReadRow(ref XmlScanner xml)
    {
        string source = "", count = "";
        var disposition = Disposition.None;
        var (dkim, spf) = (false, false);
        var reasons = new List<OverrideReason>();
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("source_ip"u8))
            {
                source = xml.ReadValue();
            }
            else if (xml.Name.SequenceEqual("count"u8))
            {
                count = xml.ReadValue();
            }
            else if (xml.Name.SequenceEqual("policy_evaluated"u8))
            {
                for (var inner = xml.Depth; xml.NextChild(inner);)
                {
                    if (xml.Name.SequenceEqual("disposition"u8)) disposition = DispositionOf(xml.ReadValue());
                    else if (xml.Name.SequenceEqual("dkim"u8)) dkim = IsPass(xml.ReadValue());
                    else if (xml.Name.SequenceEqual("spf"u8)) spf = IsPass(xml.ReadValue());
                    else if (xml.Name.SequenceEqual("reason"u8)) AddReason(ref xml, reasons);
                }
            }
        }
        return new AggregateRecord(ReportText.Address(source, "source_ip"), ReportText.Count(count, "count"), disposition, dkim, spf, "")
        {
            Reasons = reasons,
        };
    }

    private static void AddReason(ref XmlScanner xml, List<OverrideReason> reasons)
    {
        string type = "", comment = "";
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            if (xml.Name.SequenceEqual("type"u8)) type = xml.ReadValue();
            else if (xml.Name.SequenceEqual("comment"u8)) comment = xml.ReadValue();
        }
        var says = type.Length > 0 || comment.Length > 0; // an empty reason is none
        if (says && reasons.Count < ReportLimits.ResultsPerRecordMax) reasons.Add(new OverrideReason(type, ReportText.OrNull(comment)));
    }

    private static void ReadResults(ref XmlScanner xml, List<ReportedDkim> dkim, List<ReportedSpf> spf)
    {
        for (var depth = xml.Depth; xml.NextChild(depth);)
        {
            var isDkim = xml.Name.SequenceEqual("dkim"u8);
            if (!isDkim && !xml.Name.SequenceEqual("spf"u8)) continue;
            string domain = "", selector = "", scope = "", result = "";
            for (var inner = xml.Depth; xml.NextChild(inner);)
            {
                if (xml.Name.SequenceEqual("domain"u8)) domain = ReportText.Domain(xml.ReadValue());
                else if (xml.Name.SequenceEqual("selector"u8)) selector = xml.ReadValue();
                else if (xml.Name.SequenceEqual("scope"u8)) scope = xml.ReadValue();
                else if (xml.Name.SequenceEqual("result"u8)) result = xml.ReadValue().ToLowerInvariant();
            }
            if (isDkim && dkim.Count < ReportLimits.ResultsPerRecordMax) dkim.Add(new ReportedDkim(domain, ReportText.OrNull(selector), result));
            if (!isDkim && spf.Count < ReportLimits.ResultsPerRecordMax) spf.Add(new ReportedSpf(domain, ReportText.OrNull(scope), result));
        }
    }

    private static Disposition DispositionOf(string word) =>
        Enum.TryParse<Disposition>(word, ignoreCase: true, out var known) && char.IsAsciiLetter(word[0]) && Enum.IsDefined(known)
            ? known
            : Disposition.None;

    private static bool IsPass(string word) => word.Equals("pass", StringComparison.OrdinalIgnoreCase);

    private sealed record Metadata(
        string Name, string Email, string Extra, string ReportId, string Generator, DateTimeOffset Begins, DateTimeOffset Ends);
}
