namespace Posthorn.Trust;

/// <summary>What a receiver did with mail (RFC 7489 appendix C, RFC 9990). The numbers are stored.</summary>
public enum Disposition
{
    None = 0,
    Quarantine = 1,
    Reject = 2,

    /// <summary>RFC 9990: the mail passed, so no policy was asked.</summary>
    Pass = 3,
}

/// <summary>A DMARC aggregate report (RFC 7489 §7.2 and appendix C, RFC 9990), written and read.</summary>
public sealed record AggregateReport
{
    /// <summary>Who reports; the domain of its contact where the name is left out.</summary>
    public required string Organization { get; init; }

    public string? Contact { get; init; }

    public string? ExtraContact { get; init; }

    public required string ReportId { get; init; }

    public required DateTimeOffset Begins { get; init; }

    public required DateTimeOffset Ends { get; init; }

    /// <summary>The program that wrote it (RFC 9990).</summary>
    public string? Generator { get; init; }

    public required PublishedPolicy Policy { get; init; }

    public IReadOnlyList<AggregateRecord> Records { get; init; } = [];
}

/// <summary>The policy that the reporter found in the DNS; tags that it leaves out are null.</summary>
/// <param name="Domain">Where the policy was found.</param>
public sealed record PublishedPolicy(string Domain)
{
    public string? P { get; init; }

    public string? Sp { get; init; }

    public string? Np { get; init; }

    public string? Adkim { get; init; }

    public string? Aspf { get; init; }

    public string? Pct { get; init; }

    public string? Fo { get; init; }

    public string? Testing { get; init; }

    /// <summary><c>psl</c> or <c>treewalk</c>.</summary>
    public string? DiscoveryMethod { get; init; }
}

/// <summary>Mail of one source that was judged alike.</summary>
/// <param name="Source">The address of the client that sent it.</param>
/// <param name="Dkim">DKIM passed and was aligned.</param>
/// <param name="Spf">SPF passed and was aligned.</param>
public sealed record AggregateRecord(string Source, long Count, Disposition Disposition, bool Dkim, bool Spf, string HeaderFrom)
{
    public string? EnvelopeFrom { get; init; }

    public string? EnvelopeTo { get; init; }

    public IReadOnlyList<OverrideReason> Reasons { get; init; } = [];

    public IReadOnlyList<ReportedDkim> DkimResults { get; init; } = [];

    public IReadOnlyList<ReportedSpf> SpfResults { get; init; } = [];
}

/// <summary>Why a receiver did something else than the policy says.</summary>
public sealed record OverrideReason(string Type, string? Comment);

public sealed record ReportedDkim(string Domain, string? Selector, string Result);

/// <param name="Scope"><c>mfrom</c> or <c>helo</c>.</param>
public sealed record ReportedSpf(string Domain, string? Scope, string Result);
