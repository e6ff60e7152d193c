using System.Globalization;
using System.Net;
using Posthorn.Core;
using Posthorn.Dns;
using Posthorn.Trust;

namespace Posthorn.Admin;

/// <summary>Looks up each record that should be published.</summary>
internal static class DnsComparison
{
    public static async Task<DnsReport> RunAsync(Resolver resolver, IReadOnlyList<DnsRecord> records, Domain domain, CancellationToken ct)
    {
        var compared = new List<DnsRecordView>(records.Count + 2);
        foreach (var record in records)
        {
            if (record.Type == "A") await CompareHostAsync(resolver, record, compared, ct);
            else compared.Add(await CompareAsync(resolver, record, ct));
        }
        return new DnsReport(domain.Ascii, compared);
    }

    private static async ValueTask<DnsRecordView> CompareAsync(Resolver resolver, DnsRecord record, CancellationToken ct) => record.Type switch
    {
        "MX" => View(record, await resolver.MxAsync(Domain.Parse(record.Name), ct), MxText, mx => SameHost(MxText(mx), record.Value)),
        "TXT" when record.Value!.StartsWith("\"v=spf1", StringComparison.Ordinal) =>
            View(record, Only(await resolver.TxtAsync(record.Name, ct), IsSpf), Quoted, text => Quoted(text) == record.Value),
        // Any policy of the operator's own is one.
        "TXT" when record.Name.StartsWith("_dmarc.", StringComparison.Ordinal) =>
            View(record, await resolver.TxtAsync(record.Name, ct), Quoted, DmarcRecord.IsDmarc),
        "TXT" => View(record, await resolver.TxtAsync(record.Name, ct), Quoted, text => text == Joined(record.Value)),
        "TLSA" => View(
            record, await resolver.TlsaAsync(record.Name, ct), tlsa => tlsa.ToString(), tlsa => SameText(tlsa.ToString(), record.Value)),
        // An address of its own serves as well.
        "CNAME" => View(record, await resolver.AddressesAsync(record.Name, ct), address => address.ToString(), _ => true),
        "SRV" => View(record, await resolver.SrvAsync(record.Name, ct), SrvText, srv => SameText(SrvText(srv), record.Value)),
        _ => throw new InvalidOperationException($"nothing compares {record.Type} records"),
    };

    // The addresses of the host, and for each of them the name that leads back: other servers refuse mail without it.
    private static async ValueTask CompareHostAsync(Resolver resolver, DnsRecord record, List<DnsRecordView> compared, CancellationToken ct)
    {
        var addresses = await resolver.AddressesAsync(record.Name, ct);
        compared.Add(View(record, addresses, address => address.ToString(), _ => true));
        foreach (var address in addresses.Records.Where(address => !IPAddress.IsLoopback(address)))
        {
            var reverse = new DnsRecord(
                Resolver.ReverseName(address), "PTR", record.Name + ".", "The address leads back to the server; set where it is rented.");
            var names = await resolver.PtrAsync(address, ct);
            compared.Add(View(reverse, names, name => name + ".", name => SameHost(name + ".", reverse.Value)));
        }
    }

    private static DnsRecordView View<T>(DnsRecord record, DnsAnswer<T> answer, Func<T, string> text, Func<T, bool> matches)
    {
        var state = answer.Status == DnsStatus.Failed ? DnsRecordState.Unknown
            : answer.Records.Count == 0 ? DnsRecordState.Missing
            : answer.Records.Any(matches) ? DnsRecordState.Published : DnsRecordState.Different;
        return new DnsRecordView(
            record.Name, record.Type, DnsRecords.TtlSeconds, record.Value, record.Purpose, state, [.. answer.Records.Select(text)]);
    }

    private static DnsAnswer<string> Only(DnsAnswer<string> answer, Predicate<string> wanted) =>
        answer with { Records = [.. answer.Records.Where(text => wanted(text))] };

    // RFC 7208 §4.5: other TXT records of the name are none of ours.
    private static bool IsSpf(string text) => text == "v=spf1" || text.StartsWith("v=spf1 ", StringComparison.OrdinalIgnoreCase);

    private static string Quoted(string text) =>
        "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    private static string Joined(string strings) => strings.Replace("\" \"", "", StringComparison.Ordinal).Trim('"');

    private static string MxText(MxRecord mx) => string.Create(CultureInfo.InvariantCulture, $"{mx.Preference} {mx.Exchange}.");

    private static string SrvText(SrvRecord srv) =>
        string.Create(CultureInfo.InvariantCulture, $"{srv.Priority} {srv.Weight} {srv.Port} {srv.Target}.");

    // The preference is the operator's choice.
    private static bool SameHost(string found, string? wanted) => SameText(found.Split(' ')[^1], wanted?.Split(' ')[^1]);

    private static bool SameText(string found, string? wanted) => found.Equals(wanted, StringComparison.OrdinalIgnoreCase);
}
