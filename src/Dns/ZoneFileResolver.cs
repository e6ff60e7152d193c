using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace Posthorn.Dns;

/// <summary>Answers every question from a master file; names that are not in it do not exist.</summary>
/// <remarks>What the operator has written down is authentic.
/// The file is looked at with each question and read again when its time or length changed. A changed file that cannot be used is
/// reported once, and what was read before goes on answering.</remarks>
internal sealed class ZoneFileResolver : Resolver
{
    private readonly string _file;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private (DateTime WrittenAt, long Length) _seen;
    private Zone _zone;

    public ZoneFileResolver(string file, ILogger log)
    {
        _file = Path.GetFullPath(file);
        _log = log;
        _seen = Look();
        _zone = Read();
    }

    public override ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default)
    {
        if (!DnsName.TryNormalize(name, out var asked)) return new(NoSuchName<MxRecord>());
        var answer = Current().Ask<MxRecord>(asked, "MX");
        return new(answer with { Records = [.. answer.Records.OrderBy(mx => mx.Preference)] });
    }

    public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default)
    {
        if (!DnsName.TryNormalize(host, out var name)) return new(NoSuchName<IPAddress>());
        var zone = Current();
        return new(Together(zone.Ask<IPAddress>(name, "AAAA"), zone.Ask<IPAddress>(name, "A")));
    }

    public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default) =>
        new(DnsName.TryNormalize(host, out var name)
            ? Current().Ask<IPAddress>(name, family == AddressFamily.InterNetwork ? "A" : "AAAA") : NoSuchName<IPAddress>());

    public override ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) =>
        new(DnsName.TryNormalize(name, out var asked) ? Current().Ask<string>(asked, "TXT") : NoSuchName<string>());

    public override ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default) =>
        new(DnsName.TryNormalize(name, out var asked) ? Current().Ask<SrvRecord>(asked, "SRV") : NoSuchName<SrvRecord>());

    public override ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken ct = default) =>
        new(DnsName.TryNormalize(name, out var asked) ? Current().Ask<TlsaRecord>(asked, "TLSA") : NoSuchName<TlsaRecord>());

    public override ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default) =>
        new(Current().Ask<string>(DnsName.Reverse(address), "PTR"));

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Zone Current()
    {
        lock (_gate)
        {
            try
            {
                var now = Look();
                if (now == _seen) return _zone;
                _seen = now;
                _zone = Read();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException)
            {
                Log.ZoneNotRead(_log, _file, e.Message);
            }
            return _zone;
        }
    }

    // A file that is gone has a time too, of 1601, and no length.
    private (DateTime WrittenAt, long Length) Look()
    {
        var file = new FileInfo(_file);
        return (file.LastWriteTimeUtc, file.Exists ? file.Length : -1);
    }

    private Zone Read()
    {
        if (!ZoneParser.TryParse(File.ReadAllText(_file), out var zone, out var fault))
        {
            throw new FormatException($"{_file}:{fault.Line}: {fault.Reason}");
        }
        Log.ZoneRead(_log, _file, zone.Count);
        return zone;
    }
}
