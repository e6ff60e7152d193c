using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Posthorn.Trust;

/// <summary>Writes a TLS report (RFC 8460 §4.4).</summary>
internal static class TlsReportWriter
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Write(TlsReport report)
    {
        using var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output, Options))
        {
            json.WriteStartObject();
            json.WriteString("organization-name", report.Organization);
            json.WriteStartObject("date-range");
            json.WriteString("start-datetime", Time(report.Begins));
            json.WriteString("end-datetime", Time(report.Ends));
            json.WriteEndObject();
            Optional(json, "contact-info", report.Contact);
            json.WriteString("report-id", report.ReportId);
            json.WriteStartArray("policies");
            foreach (var policy in report.Policies) Write(json, policy);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return output.ToArray();
    }

    private static void Write(Utf8JsonWriter json, TlsReportPolicy policy)
    {
        json.WriteStartObject();
        json.WriteStartObject("policy");
        json.WriteString("policy-type", policy.Type);
        Texts(json, "policy-string", policy.Strings);
        json.WriteString("policy-domain", policy.Domain);
        Texts(json, "mx-host", policy.MxHosts);
        json.WriteEndObject();
        json.WriteStartObject("summary");
        json.WriteNumber("total-successful-session-count", policy.Successes);
        json.WriteNumber("total-failure-session-count", policy.Failures);
        json.WriteEndObject();
        if (policy.Details.Count > 0)
        {
            json.WriteStartArray("failure-details");
            foreach (var failure in policy.Details) Write(json, failure);
            json.WriteEndArray();
        }
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, TlsFailure failure)
    {
        json.WriteStartObject();
        json.WriteString("result-type", failure.ResultType);
        Optional(json, "sending-mta-ip", failure.SendingMta);
        Optional(json, "receiving-mx-hostname", failure.ReceivingHost);
        Optional(json, "receiving-mx-helo", failure.ReceivingHelo);
        Optional(json, "receiving-ip", failure.ReceivingAddress);
        json.WriteNumber("failed-session-count", failure.Sessions);
        Optional(json, "additional-information", failure.Information);
        Optional(json, "failure-reason-code", failure.ReasonCode);
        json.WriteEndObject();
    }

    private static void Texts(Utf8JsonWriter json, string name, IReadOnlyList<string> texts)
    {
        if (texts.Count == 0) return;
        json.WriteStartArray(name);
        foreach (var text in texts) json.WriteStringValue(text);
        json.WriteEndArray();
    }

    private static void Optional(Utf8JsonWriter json, string name, string? value)
    {
        if (value is not null) json.WriteString(name, value);
    }

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
