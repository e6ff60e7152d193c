using System.Globalization;
using Posthorn.Core;
using Posthorn.Directory;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>One record that the operator should publish.</summary>
/// <param name="Name">The owner, without the trailing dot.</param>
/// <param name="Value">As a master file has it (RFC 1035 §5.1); null when only the operator knows it.</param>
/// <param name="Purpose">One sentence.</param>
public sealed record DnsRecord(string Name, string Type, string? Value, string Purpose);

/// <summary>What the world must find in the DNS so that a domain's mail comes here and clients find the way.</summary>
public static class DnsRecords
{
    public const int TtlSeconds = 3600;

    /// <param name="keys">Those that sign for the domain, waiting and retired ones included.</param>
    public static IReadOnlyList<DnsRecord> For(Domain domain, ServerFacts facts, IReadOnlyList<SigningKeyView> keys)
    {
        var host = facts.Hostname.Ascii;
        var records = new List<DnsRecord>
        {
            new(domain.Ascii, "MX", $"10 {host}.", "Mail for the domain comes to this server."),
            new(host, "A", null, "The address of this server; AAAA as well if it has one."),
            // RFC 7208 §5: whoever is named by the MX may send, and nobody else.
            new(domain.Ascii, "TXT", "\"v=spf1 mx -all\"", "Only this server sends mail of the domain (SPF)."),
        };
        foreach (var key in keys)
        {
            var purpose = key.State == SigningKeyState.Retired
                ? "Mail that is still on its way was signed with this key (DKIM)." : "Mail of the domain is signed with this key (DKIM).";
            records.Add(new DnsRecord(key.Name, "TXT", Strings(key.Record), purpose));
        }
        // A stricter policy is for the operator to add, when reports have shown that the domain's mail passes.
        records.Add(new DnsRecord(
            "_dmarc." + domain.Ascii,
            "TXT",
            $"\"v=DMARC1; p=quarantine; rua=mailto:{ReportAddress.Dmarc}@{domain.Ascii}\"",
            "What others pretend the domain has sent goes to Junk (DMARC)."));
        foreach (var (protocol, security, label) in Labels)
        {
            var service = facts.Services.FirstOrDefault(s => s.Protocol == protocol && s.Security == security);
            if (service is null) continue;
            records.Add(new DnsRecord(
                $"{label}.{domain.Ascii}",
                "SRV",
                string.Create(CultureInfo.InvariantCulture, $"0 1 {service.Port} {host}."),
                "Mail clients find the server by themselves."));
        }
        return records;
    }

    /// <summary>A text as strings of a TXT record, none longer than 255 octets (RFC 1035 §3.3).</summary>
    private static string Strings(string text) => string.Join(' ', text.Chunk(255).Select(static part => $"\"{new string(part)}\""));

    /// <summary>The record as a line of a master file.</summary>
    public static string ToZoneLine(string name, string type, string value) =>
        string.Create(CultureInfo.InvariantCulture, $"{name}. {TtlSeconds} IN {type} {value}");

    // RFC 6186 §3.2 to 3.3, RFC 8314 §5.1.
    private static readonly (ClientProtocol Protocol, ConnectionSecurity Security, string Label)[] Labels =
    [
        (ClientProtocol.Submission, ConnectionSecurity.Tls, "_submissions._tcp"),
        (ClientProtocol.Submission, ConnectionSecurity.StartTls, "_submission._tcp"),
        (ClientProtocol.Imap, ConnectionSecurity.Tls, "_imaps._tcp"),
        (ClientProtocol.Imap, ConnectionSecurity.StartTls, "_imap._tcp"),
        (ClientProtocol.Pop3, ConnectionSecurity.Tls, "_pop3s._tcp"),
        (ClientProtocol.Pop3, ConnectionSecurity.StartTls, "_pop3._tcp"),
    ];
}
