using System.Net;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>One browser in which a person is logged in, or about to be. Its secret is the browser's alone.</summary>
/// <param name="Id">16 hexadecimal digits; names the session in lists and logs and opens nothing.</param>
/// <param name="AuthenticatedAt">When the person last proved who they are.</param>
/// <param name="IsWhole">False while a second factor is still asked for: such a session opens nothing but the page that asks.</param>
public sealed record WebSession(
    string Id,
    AccountId Account,
    bool IsWhole,
    LoginMethods Methods,
    DateTimeOffset CreatedAt,
    DateTimeOffset AuthenticatedAt,
    DateTimeOffset LastUsedAt,
    SessionOrigin Origin)
{
    /// <summary>The identity provider that vouched, by its name in the directory; null for a log-in of our own.</summary>
    public string? Provider { get; init; }

    /// <summary>What the provider calls this session (OpenID Connect Back-Channel Logout 1.0 §2.1, <c>sid</c>), or null.</summary>
    public string? ProviderSession { get; init; }
}

/// <summary>Where a session was begun.</summary>
/// <param name="Agent">What the browser says of itself; it may be anything.</param>
public sealed record SessionOrigin(IPAddress? Remote, string Agent);

/// <summary>What was proven when a session begins or its proof is renewed.</summary>
public sealed record Proven(LoginMethods Methods)
{
    /// <summary>False when a second factor is still to come.</summary>
    public bool IsWhole { get; init; } = true;

    public string? Provider { get; init; }

    public string? ProviderSession { get; init; }
}

/// <summary>A session that begins now, with the secret for the browser's cookie.</summary>
public sealed record IssuedSession(WebSession Session, string Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Session.Id;
}

/// <summary>A session that a request has shown, with the account it is of.</summary>
public sealed record WebLogin(WebSession Session, Account Account);
