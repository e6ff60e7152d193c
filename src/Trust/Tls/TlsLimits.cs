namespace Posthorn.Trust;

/// <summary>What the TLS policies of others may cost, and how long they are believed.</summary>
internal static class TlsLimits
{
    /// <summary>Octets of an MTA-STS policy file (RFC 8461 §3.3).</summary>
    public const int PolicyOctetsMax = 64 * 1024;

    /// <summary>Patterns of hosts in one policy.</summary>
    public const int PolicyHostsMax = 100;

    /// <summary>Policies remembered; those used longest ago go first.</summary>
    public const int PoliciesMax = 100_000;

    /// <summary>TLSA records of one host that are looked at.</summary>
    public const int AssociationsMax = 32;

    /// <summary>Policies that one run of the refresher fetches.</summary>
    public const int RefreshesPerRun = 200;

    /// <summary>How long a policy is believed at most (RFC 8461 §3.2: 31,557,600 seconds).</summary>
    public static readonly TimeSpan PolicyAgeMax = TimeSpan.FromSeconds(31_557_600);

    /// <summary>For the whole fetch (RFC 8461 §3.3 suggests a minute).</summary>
    public static readonly TimeSpan FetchTimeout = TimeSpan.FromMinutes(1);

    /// <summary>After a fetch that failed the server is left alone (RFC 8461 §3.3: five minutes or longer).</summary>
    public static readonly TimeSpan FetchPause = TimeSpan.FromMinutes(5);

    /// <summary>A policy of a domain that nobody has written to for so long is not kept fresh any more.</summary>
    public static readonly TimeSpan UnusedMax = TimeSpan.FromDays(30);

    /// <summary>How long the results of sessions are kept.</summary>
    public static readonly TimeSpan ResultRetention = TimeSpan.FromDays(60);

    /// <summary>Characters of one reason in a result.</summary>
    public const int ReasonCharsMax = 200;
}
