using System.Net;
using System.Net.Sockets;
using Posthorn.Dns;

namespace Posthorn.Trust.Tests;

/// <summary>The zone data of the published SPF suite: a TIMEOUT answers what is not listed, and SPF records stand for TXT ones.</summary>
internal sealed class SuiteResolver : Resolver
{
    private readonly Dictionary<string, List<(string Type, object Value)>> _names = new(StringComparer.OrdinalIgnoreCase);

    public int Asked { get; private set; }

    public void Add(string name, IEnumerable<(string Type, object Value)> records) => _names[name] = [.. records];

    public override ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default) => new(Ask(name, "MX", Exchange));

    public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default) => throw new NotSupportedException();

    public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default) =>
        new(Ask(host, family == AddressFamily.InterNetwork ? "A" : "AAAA", value => IPAddress.Parse((string)value)));

    public override ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) =>
        new(Ask(name, "TXT", value => value is List<object> parts ? string.Concat(parts) : (string)value));

    public override ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default) => throw new NotSupportedException();

    public override ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default) =>
        new(Ask(ReverseName(address), "PTR", value => (string)value));

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static MxRecord Exchange(object value)
    {
        var pair = (List<object>)value;
        return new MxRecord(int.Parse((string)pair[0], System.Globalization.CultureInfo.InvariantCulture), (string)pair[1]);
    }

    private DnsAnswer<T> Ask<T>(string name, string type, Func<object, T> read)
    {
        Asked++;
        for (var links = 0; links < 8; links++)
        {
            if (!_names.TryGetValue(name, out var records)) return new(DnsStatus.NxDomain, [], TimeSpan.Zero);
            var alias = records.Find(record => record.Type == "CNAME").Value;
            if (alias is not null)
            {
                name = (string)alias;
                continue;
            }
            var wanted = type == "TXT" && !records.Exists(record => record.Type == "TXT") ? "SPF" : type;
            var found = records.Where(record => record.Type == wanted && record.Value is not "NONE").Select(record => read(record.Value)).ToList();
            if (found.Count > 0) return new(DnsStatus.Ok, found, TimeSpan.Zero);
            return records.Exists(record => record.Type == "TIMEOUT")
                ? new(DnsStatus.Failed, [], TimeSpan.Zero, Failure: $"{name} does not answer") : new(DnsStatus.NoData, [], TimeSpan.Zero);
        }
        return new(DnsStatus.Failed, [], TimeSpan.Zero, Failure: "a circle of aliases");
    }
}
