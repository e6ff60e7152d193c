using DnsClient;
using DnsClient.Protocol;

namespace Posthorn.Dns;

/// <summary>Follows a question through the CNAMEs of its answers to the records at their end (RFC 1034 §3.6.2).</summary>
/// <remarks>Records of other names in an answer are not looked at. A server that does not follow a CNAME itself is asked again
/// for its target.</remarks>
internal sealed class ResponseChain(string name, ResourceRecordType type, int linksMax)
{
    private readonly string _asked = name;
    private int _links;
    private uint _ttlSeconds = int.MaxValue;

    /// <summary>Where the chain stands: the next name to ask.</summary>
    public string Name { get; private set; } = name;

    public IReadOnlyList<DnsResourceRecord> Records { get; private set; } = [];

    public bool NoSuchName { get; private set; }

    /// <summary>True when every answer was.</summary>
    public bool Authentic { get; private set; } = true;

    public int Octets { get; private set; }

    /// <summary>The chain left its last answer for a name that nothing is known of yet.</summary>
    public bool LeadsOn { get; private set; }

    public string? Failure { get; private set; }

    /// <summary>The shortest of all records on the way (RFC 2181 §5.2), or what RFC 2308 §5 makes of the SOA.</summary>
    public TimeSpan Ttl => TimeSpan.FromSeconds(_ttlSeconds);

    public void Follow(IDnsQueryResponse response)
    {
        LeadsOn = false;
        Octets += response.MessageSize;
        Authentic &= response.Header.IsAuthenticData;
        var code = response.Header.ResponseCode;
        if (code is not (DnsHeaderResponseCode.NoError or DnsHeaderResponseCode.NotExistentDomain))
        {
            Failure = $"{response.NameServer} answered {response.ErrorMessage}";
            return;
        }
        if (response.Questions is not [var question] || !Same(question.QueryName, Name) || question.QuestionType != (QueryType)type)
        {
            Failure = $"{response.NameServer} answered another question";
            return;
        }
        var moved = false;
        while (true)
        {
            Records = [.. response.Answers.Where(r => r.RecordType == type && Same(r.DomainName, Name))];
            foreach (var record in Records) Shorten(record.InitialTimeToLive);
            if (Records.Count > 0) return;
            if (response.Answers.FirstOrDefault(r => Same(r.DomainName, Name) && r is CNameRecord) is not CNameRecord link) break;
            if (++_links > linksMax || !DnsName.TryNormalize(link.CanonicalName.Value, out var target))
            {
                Failure = _links > linksMax ? $"more than {linksMax} CNAMEs follow {_asked}" : $"the CNAME of {Name} is no name";
                return;
            }
            Shorten(link.InitialTimeToLive);
            Name = target;
            moved = true;
        }
        NoSuchName = code == DnsHeaderResponseCode.NotExistentDomain;
        var soa = response.Authorities.OfType<SoaRecord>().FirstOrDefault();
        LeadsOn = moved && !NoSuchName && soa is null;
        // RFC 2308 §5: without a SOA a negative answer is not remembered.
        if (!LeadsOn) Shorten(soa is null ? 0 : (int)Math.Min((uint)soa.InitialTimeToLive, soa.Minimum));
    }

    private static bool Same(DnsString left, string right) =>
        left.Value.AsSpan().TrimEnd('.').Equals(right, StringComparison.OrdinalIgnoreCase);

    // RFC 2181 §8: a TTL with its top bit set is zero.
    private void Shorten(int seconds) => _ttlSeconds = Math.Min(_ttlSeconds, (uint)Math.Max(0, seconds));
}
