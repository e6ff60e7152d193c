using System.Net;
using System.Net.Sockets;
using DnsClient;
using DnsClient.Protocol;
using Microsoft.Extensions.Logging;
using Posthorn.Core;

namespace Posthorn.Dns;

/// <summary>Asks recursive resolvers over UDP, and over TCP where an answer is truncated (RFC 7766).</summary>
internal sealed class NetworkResolver : Resolver
{
    private readonly LookupClient? _client;
    private readonly bool _trusted;
    private readonly AnswerCache<MxRecord> _exchanges;
    private readonly AnswerCache<IPAddress> _addresses;
    private readonly AnswerCache<string> _texts;
    private readonly AnswerCache<SrvRecord> _services;
    private readonly AnswerCache<TlsaRecord> _associations;
    private readonly CancellationTokenSource _closed = new();
    private readonly ILogger _log;

    public NetworkResolver(DnsSettings settings, TimeProvider time, ILogger log)
    {
        _log = log;
        var servers = settings.Server is { } one
            ? [new NameServer(one)]
            : NameServer.ResolveNameServers(skipIPv6SiteLocal: true, fallbackToGooglePublicDns: false).ToArray();
        _trusted = servers.Length > 0 && servers.All(s => IPAddress.TryParse(s.Address, out var address) && IPAddress.IsLoopback(address));
        if (servers.Length > 0) _client = new LookupClient(OptionsFor(settings, servers, _trusted));
        if (servers.Length > 0) Log.Asking(log, string.Join(", ", servers.Select(s => $"{s.Address}:{s.Port}")));
        else Log.NobodyToAsk(log);
        _exchanges = new(q => FetchAsync(q, Exchange), time);
        _addresses = new(q => FetchAsync(q, Address), time);
        _texts = new(q => FetchAsync(q, Text), time);
        _services = new(q => FetchAsync(q, Service), time);
        _associations = new(q => FetchAsync(q, Association), time);
    }

    public override async ValueTask<DnsAnswer<MxRecord>> MxAsync(string name, CancellationToken ct = default)
    {
        if (!DnsName.TryNormalize(name, out var asked)) return NoSuchName<MxRecord>();
        var answer = await _exchanges.GetAsync(new Question(asked, "MX"), ct);
        return answer with { Records = [.. answer.Records.OrderBy(mx => mx.Preference)] };
    }

    public override async ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, CancellationToken ct = default)
    {
        if (!DnsName.TryNormalize(host, out var name)) return NoSuchName<IPAddress>();
        var six = _addresses.GetAsync(new Question(name, "AAAA"), ct).AsTask();
        var four = await _addresses.GetAsync(new Question(name, "A"), ct);
        return Together(await six, four);
    }

    public override ValueTask<DnsAnswer<IPAddress>> AddressesAsync(string host, AddressFamily family, CancellationToken ct = default) =>
        DnsName.TryNormalize(host, out var name)
            ? _addresses.GetAsync(new Question(name, family == AddressFamily.InterNetwork ? "A" : "AAAA"), ct) : new(NoSuchName<IPAddress>());

    public override ValueTask<DnsAnswer<string>> TxtAsync(string name, CancellationToken ct = default) =>
        DnsName.TryNormalize(name, out var asked) ? _texts.GetAsync(new Question(asked, "TXT"), ct) : new(NoSuchName<string>());

    public override ValueTask<DnsAnswer<SrvRecord>> SrvAsync(string name, CancellationToken ct = default) =>
        DnsName.TryNormalize(name, out var asked) ? _services.GetAsync(new Question(asked, "SRV"), ct) : new(NoSuchName<SrvRecord>());

    public override ValueTask<DnsAnswer<TlsaRecord>> TlsaAsync(string name, CancellationToken ct = default) =>
        DnsName.TryNormalize(name, out var asked) ? _associations.GetAsync(new Question(asked, "TLSA"), ct) : new(NoSuchName<TlsaRecord>());

    public override ValueTask<DnsAnswer<string>> PtrAsync(IPAddress address, CancellationToken ct = default) =>
        _texts.GetAsync(new Question(DnsName.Reverse(address), "PTR"), ct);

    public override async ValueTask DisposeAsync()
    {
        await _closed.CancelAsync();
        _closed.Dispose();
    }

    private static LookupClientOptions OptionsFor(DnsSettings settings, NameServer[] servers, bool trusted) => new(servers)
    {
        UseCache = false, // ours asks equal questions once and is bounded
        Timeout = settings.Timeout,
        Retries = settings.Retries,
        UseTcpFallback = true,
        UseRandomNameServer = false, // the order of resolv.conf means something
        ThrowDnsErrors = false,
        ContinueOnDnsError = true,
        ContinueOnEmptyResponse = false,
        ExtendedDnsBufferSize = DnsLimits.DatagramOctetsMax,
        RequestDnsSecRecords = trusted, // DO is what makes a validating resolver set AD (RFC 6840 §5.7)
    };

    private static MxRecord? Exchange(DnsResourceRecord record) =>
        record is DnsClient.Protocol.MxRecord mx ? new MxRecord(mx.Preference, Dotless(mx.Exchange)) : null;

    private static IPAddress? Address(DnsResourceRecord record) => (record as AddressRecord)?.Address;

    private static SrvRecord? Service(DnsResourceRecord record) => record is DnsClient.Protocol.SrvRecord srv
        ? new SrvRecord(srv.Priority, srv.Weight, srv.Port, Dotless(srv.Target))
        : null;

    private static TlsaRecord? Association(DnsResourceRecord record) => record is DnsClient.Protocol.TlsaRecord tlsa
        ? new TlsaRecord(
            (byte)tlsa.CertificateUsage, (byte)tlsa.Selector, (byte)tlsa.MatchingType,
            Convert.ToHexStringLower([.. tlsa.CertificateAssociationData]))
        : null;

    private static string? Text(DnsResourceRecord record) => record switch
    {
        TxtRecord txt => string.Concat(txt.Text),
        PtrRecord ptr => Dotless(ptr.PtrDomainName),
        _ => null,
    };

    private static string Dotless(DnsString name) => name.Value.TrimEnd('.');

    private async Task<Fetched<T>> FetchAsync<T>(Question question, Func<DnsResourceRecord, T?> read)
        where T : class
    {
        var type = Enum.Parse<QueryType>(question.Type);
        var chain = new ResponseChain(question.Name, (ResourceRecordType)type, DnsLimits.ChainLinksMax);
        do
        {
            if (await QueryAsync(chain.Name, type) is not { Response: { } response } asked)
            {
                return Failed<T>(question, "no resolver is set up on this system");
            }
            if (asked.Failure is not null) return Failed<T>(question, asked.Failure);
            chain.Follow(response);
            if (chain.Failure is { } failure) return Failed<T>(question, failure);
        }
        while (chain.LeadsOn);
        T[] records = [.. chain.Records.Select(read).OfType<T>()];
        var status = chain.NoSuchName ? DnsStatus.NxDomain : records.Length == 0 ? DnsStatus.NoData : DnsStatus.Ok;
        return new(new(status, records, chain.Ttl, _trusted && chain.Authentic), chain.Octets);
    }

    // A hostile answer can make the package's parser throw anything, and no kind of it is ours to repair.
    private async Task<(IDnsQueryResponse? Response, string? Failure)?> QueryAsync(string name, QueryType type)
    {
        if (_client is null) return null;
        try
        {
            return (await _client.QueryAsync(new DnsQuestion(name + ".", type, QueryClass.IN), _closed.Token), null);
        }
        catch (Exception e)
        {
            return (null, OneLine(e));
        }
    }

    private Fetched<T> Failed<T>(Question question, string failure)
    {
        Log.QuestionFailed(_log, question.Type, question.Name, failure);
        return new(new(DnsStatus.Failed, [], DnsLimits.FailureTtl, Failure: $"{question.Type} of {question.Name}: {failure}"), 0);
    }

    private static string OneLine(Exception e)
    {
        while (e.InnerException is not null) e = e.InnerException;
        return e.Message.ReplaceLineEndings(" ");
    }
}
