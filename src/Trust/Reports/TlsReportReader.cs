using System.Globalization;
using System.Text.Json;

namespace Posthorn.Trust;

/// <summary>Reads a TLS report (RFC 8460 §4): members in any order, unknown ones passed over.</summary>
internal static class TlsReportReader
{
    private static readonly JsonReaderOptions Options = new() { MaxDepth = ReportLimits.DepthMax };

    public static bool TryRead(ReadOnlySpan<byte> json, out TlsReport? report, out ReportFault? fault)
    {
        (report, fault) = (null, null);
        try
        {
            ReportText.RequireUtf8(json, 0); // RFC 8259 §8.1
            if (json.StartsWith("\uFEFF"u8)) json = json[3..];
            var reader = new Utf8JsonReader(json, Options);
            report = Read(ref reader);
            return true;
        }
        catch (ReportFaultException refused)
        {
            fault = refused.Fault;
        }
        catch (JsonException malformed)
        {
            var place = string.Create(CultureInfo.InvariantCulture, $"line {malformed.LineNumber + 1}");
            fault = new ReportFault(ReportFaultKind.MalformedJson, $"the report is no JSON at {place}");
        }
        return false;
    }

    private static TlsReport Read(ref Utf8JsonReader json)
    {
        string name = "", contact = "", id = "";
        DateTimeOffset? begins = null, ends = null;
        var policies = new List<TlsReportPolicy>();
        json.Read();
        if (json.TokenType != JsonTokenType.StartObject) throw ReportText.Missing("object");
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("organization-name"u8)) name = Text(ref json);
            else if (json.ValueTextEquals("contact-info"u8)) contact = Text(ref json);
            else if (json.ValueTextEquals("report-id"u8)) id = Text(ref json);
            else if (json.ValueTextEquals("date-range"u8)) (begins, ends) = ReadRange(ref json);
            else if (json.ValueTextEquals("policies"u8)) ReadPolicies(ref json, policies);
            else Pass(ref json);
        }
        while (json.Read())
        {
            // What stands behind the report must be nothing; the reader says so.
        }
        if (name.Length == 0) name = contact[(contact.LastIndexOf('@') + 1)..];
        if (name.Length == 0) throw ReportText.Missing("organization-name");
        if (id.Length == 0) throw ReportText.Missing("report-id");
        if (begins is not { } first || ends is not { } last) throw ReportText.Missing("date-range");
        ReportText.RequireSpan(first, last);
        if (policies.Count == 0) throw ReportText.Missing("policies");
        return new TlsReport(name, ReportText.OrNull(contact), id, first, last) { Policies = policies };
    }

    private static (DateTimeOffset? Begins, DateTimeOffset? Ends) ReadRange(ref Utf8JsonReader json)
    {
        DateTimeOffset? begins = null, ends = null;
        if (!Enter(ref json, JsonTokenType.StartObject)) return (null, null);
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("start-datetime"u8)) begins = Time(ref json);
            else if (json.ValueTextEquals("end-datetime"u8)) ends = Time(ref json);
            else Pass(ref json);
        }
        return (begins, ends);
    }

    private static void ReadPolicies(ref Utf8JsonReader json, List<TlsReportPolicy> policies)
    {
        if (!Enter(ref json, JsonTokenType.StartArray)) return;
        var details = 0;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.StartObject) throw ReportText.Missing("object in policies");
            if (policies.Count == ReportLimits.PoliciesMax) throw TooMany("policies", ReportLimits.PoliciesMax);
            policies.Add(ReadPolicy(ref json));
            if ((details += policies[^1].Details.Count) > ReportLimits.RecordsMax) throw TooMany("failure details", ReportLimits.RecordsMax);
        }
    }

    private static TlsReportPolicy ReadPolicy(ref Utf8JsonReader json)
    {
        string type = "", domain = "";
        List<string> strings = [], hosts = [];
        var (successes, failures) = (0L, 0L);
        var details = new List<TlsFailure>();
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("policy"u8))
            {
                if (!Enter(ref json, JsonTokenType.StartObject)) continue;
                while (NextMember(ref json))
                {
                    if (json.ValueTextEquals("policy-type"u8)) type = Text(ref json).ToLowerInvariant();
                    else if (json.ValueTextEquals("policy-domain"u8)) domain = ReportText.Domain(Text(ref json));
                    else if (json.ValueTextEquals("policy-string"u8)) ReadTexts(ref json, strings);
                    else if (json.ValueTextEquals("mx-host"u8)) ReadTexts(ref json, hosts);
                    else Pass(ref json);
                }
            }
            else if (json.ValueTextEquals("summary"u8))
            {
                if (!Enter(ref json, JsonTokenType.StartObject)) continue;
                while (NextMember(ref json))
                {
                    if (json.ValueTextEquals("total-successful-session-count"u8)) successes = Count(ref json);
                    else if (json.ValueTextEquals("total-failure-session-count"u8)) failures = Count(ref json);
                    else Pass(ref json);
                }
            }
            else if (json.ValueTextEquals("failure-details"u8))
            {
                ReadDetails(ref json, details);
            }
            else
            {
                Pass(ref json);
            }
        }
        if (type.Length == 0) throw ReportText.Missing("policy-type");
        if (domain.Length == 0) throw ReportText.Missing("policy-domain");
        return new TlsReportPolicy(type, domain, successes, failures) { Strings = strings, MxHosts = hosts, Details = details };
    }

    private static void ReadDetails(ref Utf8JsonReader json, List<TlsFailure> details)
    {
        if (!Enter(ref json, JsonTokenType.StartArray)) return;
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (json.TokenType != JsonTokenType.StartObject) throw ReportText.Missing("object in failure-details");
            if (details.Count == ReportLimits.RecordsMax) throw TooMany("failure details", ReportLimits.RecordsMax);
            details.Add(ReadDetail(ref json));
        }
    }

    private static TlsFailure ReadDetail(ref Utf8JsonReader json)
    {
        var failure = new TlsFailure("", 0);
        while (NextMember(ref json))
        {
            if (json.ValueTextEquals("result-type"u8)) failure = failure with { ResultType = Text(ref json).ToLowerInvariant() };
            else if (json.ValueTextEquals("failed-session-count"u8)) failure = failure with { Sessions = Count(ref json) };
            else if (json.ValueTextEquals("sending-mta-ip"u8)) failure = failure with { SendingMta = OrNull(ref json) };
            else if (json.ValueTextEquals("receiving-mx-hostname"u8)) failure = failure with { ReceivingHost = OrNull(ref json) };
            else if (json.ValueTextEquals("receiving-mx-helo"u8)) failure = failure with { ReceivingHelo = OrNull(ref json) };
            else if (json.ValueTextEquals("receiving-ip"u8)) failure = failure with { ReceivingAddress = OrNull(ref json) };
            else if (json.ValueTextEquals("additional-information"u8)) failure = failure with { Information = OrNull(ref json) };
            else if (json.ValueTextEquals("failure-reason-code"u8)) failure = failure with { ReasonCode = OrNull(ref json) };
            else Pass(ref json);
        }
        return failure.ResultType.Length > 0 ? failure : throw ReportText.Missing("result-type");
    }

    // An array as the RFC has it, or one string as some write it.
    private static void ReadTexts(ref Utf8JsonReader json, List<string> texts)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.String)
        {
            texts.Add(Value(ref json));
            return;
        }
        if (json.TokenType != JsonTokenType.StartArray)
        {
            json.Skip();
            return;
        }
        while (json.Read() && json.TokenType != JsonTokenType.EndArray)
        {
            if (texts.Count == ReportLimits.PoliciesMax) throw TooMany("strings of a policy", ReportLimits.PoliciesMax);
            if (json.TokenType == JsonTokenType.String) texts.Add(Value(ref json));
            else json.Skip();
        }
    }

    private static bool NextMember(ref Utf8JsonReader json) => json.Read() && json.TokenType == JsonTokenType.PropertyName;

    // A value that is something else than it must be is as good as none.
    private static bool Enter(ref Utf8JsonReader json, JsonTokenType wanted)
    {
        json.Read();
        if (json.TokenType == wanted) return true;
        json.Skip();
        return false;
    }

    private static void Pass(ref Utf8JsonReader json)
    {
        json.Read();
        json.Skip();
    }

    private static string Text(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.String) return Value(ref json);
        json.Skip();
        return "";
    }

    private static string? OrNull(ref Utf8JsonReader json) => ReportText.OrNull(Text(ref json));

    // A lone surrogate in an escape is the one thing that the framework's reader finds out only here.
    private static string Value(ref Utf8JsonReader json)
    {
        try
        {
            return ReportText.OneLine(json.GetString()!);
        }
        catch (InvalidOperationException)
        {
            throw new ReportFaultException(ReportFaultKind.BadUtf8, "a string of the report is no Unicode");
        }
    }

    // A number as the RFC has it, or its digits in a string.
    private static long Count(ref Utf8JsonReader json)
    {
        json.Read();
        if (json.TokenType == JsonTokenType.String) return ReportText.Count(Value(ref json), "a session count");
        if (json.TokenType == JsonTokenType.Number && json.TryGetInt64(out var count) && count is >= 0 and <= int.MaxValue) return count;
        throw new ReportFaultException(ReportFaultKind.WrongValue, "a session count is no number");
    }

    // RFC 3339, within years that can be.
    private static DateTimeOffset Time(ref Utf8JsonReader json)
    {
        var text = Text(ref json);
        return DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) && at.Year is > 1970 and < 2100
            ? at.ToUniversalTime()
            : throw new ReportFaultException(ReportFaultKind.WrongDates, "date-range holds no time");
    }

    private static ReportFaultException TooMany(string what, int max) =>
        new(ReportFaultKind.TooManyRecords, $"the report has more than {max} {what}");
}
