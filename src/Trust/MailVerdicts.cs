namespace Posthorn.Trust;

/// <summary>Everything that is known of where a message comes from.</summary>
public sealed record MailVerdicts
{
    public IprevVerdict? Iprev { get; init; }

    /// <summary>Of the greeting and of the reverse-path.</summary>
    public IReadOnlyList<SpfVerdict> Spf { get; init; } = [];

    /// <summary>In the order of the fields.</summary>
    public IReadOnlyList<DkimVerdict> Dkim { get; init; } = [];

    public ArcVerdict? Arc { get; init; }

    public DmarcVerdict? Dmarc { get; init; }

    /// <summary>Null when no mark was looked for.</summary>
    public BimiVerdict? Bimi { get; init; }

    public FromVerdict? From { get; init; }

    /// <summary>Whether signatures were looked for at all.</summary>
    public bool ChecksSignatures { get; init; }
}
