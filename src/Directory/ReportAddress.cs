using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>Where every domain takes reports of other servers, unless an account or an alias has the name.</summary>
/// <remarks>Any kind of report is read at any of them; there are several because operators publish and register them in different places.</remarks>
public static class ReportAddress
{
    /// <summary>DMARC reports (RFC 7489 §6.2 rua and ruf).</summary>
    public const string Dmarc = "dmarc-reports";

    /// <summary>TLS reports (RFC 8460 §3).</summary>
    public const string Tls = "tls-reports";

    /// <summary>Complaints about mail (RFC 5965), as feedback loops send them.</summary>
    public const string Feedback = "feedback-reports";

    public static bool Is(EmailAddress address) => address.LocalKey is Dmarc or Tls or Feedback;
}
