namespace Posthorn.Trust;

/// <summary>A TLS report (RFC 8460 §4), written and read.</summary>
public sealed record TlsReport(string Organization, string? Contact, string ReportId, DateTimeOffset Begins, DateTimeOffset Ends)
{
    public IReadOnlyList<TlsReportPolicy> Policies { get; init; } = [];
}

/// <summary>How sessions under one policy went (RFC 8460 §4.4).</summary>
/// <param name="Type"><c>tlsa</c>, <c>sts</c> or <c>no-policy-found</c>.</param>
public sealed record TlsReportPolicy(string Type, string Domain, long Successes, long Failures)
{
    /// <summary>The policy's own lines.</summary>
    public IReadOnlyList<string> Strings { get; init; } = [];

    public IReadOnlyList<string> MxHosts { get; init; } = [];

    public IReadOnlyList<TlsFailure> Details { get; init; } = [];
}

/// <summary>Sessions that failed alike.</summary>
/// <param name="ResultType">RFC 8460 §4.3: <c>starttls-not-supported</c>.</param>
public sealed record TlsFailure(string ResultType, long Sessions)
{
    public string? SendingMta { get; init; }

    public string? ReceivingHost { get; init; }

    public string? ReceivingHelo { get; init; }

    public string? ReceivingAddress { get; init; }

    public string? Information { get; init; }

    public string? ReasonCode { get; init; }
}
