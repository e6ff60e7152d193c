using System.Net;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>Who is logged in.</summary>
/// <param name="Login">What the client typed, as it may be shown and logged.</param>
public sealed record Identity(AccountId Account, EmailAddress Address, Role Role, string Login)
{
    /// <summary>The id of the app password that was used; null when it was none.</summary>
    public string? Device { get; init; }

    /// <summary>When the log-in began, in the count of <see cref="LiveLogins"/>.</summary>
    internal long Mark { get; init; }
}

/// <summary>Where a log-in comes from.</summary>
/// <param name="Protocol">"smtp", "imap", …: the name that app passwords name as their scope.</param>
/// <param name="Remote">The client's address after the PROXY protocol; none for a Unix socket or an in-memory connection, which
/// count as loopback.</param>
/// <param name="Encrypted">TLS is active on the connection.</param>
public readonly record struct LoginContext(string Protocol, IPAddress? Remote, bool Encrypted)
{
    /// <summary>The protocol of pages in a browser: people type the account's password there, whatever mail programs may use.</summary>
    public const string Web = "web";

    /// <summary>The channel binding of the connection's TLS, tls-server-end-point (RFC 5929 §4); empty where there is none.</summary>
    public ReadOnlyMemory<byte> ServerEndPoint { get; init; }

    /// <summary>The e-mail address in a client certificate that the operator's authorities vouch for; null without one.</summary>
    public string? CertificateAddress { get; init; }

    public bool IsLoopback => Remote is null || IPAddress.IsLoopback(Remote.IsIPv4MappedToIPv6 ? Remote.MapToIPv4() : Remote);
}

/// <summary>Where a recipient's mail goes.</summary>
public abstract record Target
{
    private Target()
    {
    }

    /// <param name="Address">The account's own address.</param>
    /// <param name="Detail">What stood behind the plus (RFC 5233), as it was written.</param>
    public sealed record Local(AccountId Account, EmailAddress Address, string? Detail) : Target;

    public sealed record Remote(EmailAddress Address) : Target;

    /// <summary>The program reads it: reports of other servers about a domain of this one.</summary>
    public sealed record Reports(EmailAddress Address) : Target;
}
