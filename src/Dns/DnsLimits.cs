namespace Posthorn.Dns;

/// <summary>What answers may cost in memory and in time.</summary>
internal static class DnsLimits
{
    /// <summary>CNAMEs in a row before an answer counts as failed.</summary>
    public const int ChainLinksMax = 8;

    /// <summary>Answers remembered of each kind (exchanges, addresses, texts); when there are more, those that end first go.</summary>
    public const int CachedAnswersMax = 10_000;

    /// <summary>Octets of all answers of a kind, as they were on the wire.</summary>
    public const int CachedOctetsMax = 8 * 1024 * 1024;

    /// <summary>The UDP answers that are asked for: what passes every path in one piece (RFC 9715 §3.2).</summary>
    public const int DatagramOctetsMax = 1232;

    public static readonly TimeSpan TtlMax = TimeSpan.FromDays(1);

    /// <summary>RFC 2308 §5: one to three hours are sensible, a day is not.</summary>
    public static readonly TimeSpan NegativeTtlMax = TimeSpan.FromHours(3);

    /// <summary>How long a failure is remembered, so that a resolver that is down is not asked for each message (RFC 2308 §7).</summary>
    public static readonly TimeSpan FailureTtl = TimeSpan.FromSeconds(5);
}
