namespace Posthorn.Trust;

/// <summary>One message that somebody complained about, or that failed authentication (RFC 5965, RFC 6591).</summary>
/// <param name="FeedbackType"><c>abuse</c>, <c>auth-failure</c>, <c>fraud</c>, <c>not-spam</c>, <c>virus</c>, <c>opt-out</c>, <c>other</c>.</param>
public sealed record FeedbackReport(string FeedbackType)
{
    public string? UserAgent { get; init; }

    public string? OriginalMailFrom { get; init; }

    public IReadOnlyList<string> OriginalRcptTo { get; init; } = [];

    public DateTimeOffset? ArrivedAt { get; init; }

    /// <summary>The address of the client that sent the message.</summary>
    public string? Source { get; init; }

    public IReadOnlyList<string> ReportedDomains { get; init; } = [];

    /// <summary>How many messages the report stands for (RFC 5965 §3.2).</summary>
    public long Incidents { get; init; } = 1;

    /// <summary><c>dmarc</c>, <c>dkim</c>, <c>spf</c>, <c>bodyhash</c>, <c>adsp</c>, <c>revoked</c> (RFC 6591 §3.3, RFC 7489 §7.3.1).</summary>
    public string? AuthFailure { get; init; }

    public string? DeliveryResult { get; init; }

    public string? AuthenticationResults { get; init; }

    public string? DkimDomain { get; init; }

    public string? DkimSelector { get; init; }

    /// <summary>Of the message that is reported, where the report has its header.</summary>
    public string? OriginalFrom { get; init; }

    public string? Subject { get; init; }

    public string? MessageId { get; init; }
}
