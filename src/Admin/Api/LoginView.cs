using System.Text.Json.Serialization;
using Posthorn.Directory;

namespace Posthorn.Admin;

/// <param name="Methods">How the person proved who they are, as in the claim <c>amr</c>.</param>
/// <param name="Provider">The identity provider that vouched; null for a log-in of our own.</param>
/// <param name="Remote">The browser's address; null for this machine.</param>
/// <param name="Agent">What the browser says of itself.</param>
public sealed record SessionView(
    string Id,
    IReadOnlyList<string> Methods,
    string? Provider,
    DateTimeOffset CreatedAt,
    DateTimeOffset AuthenticatedAt,
    DateTimeOffset LastUsedAt,
    string? Remote,
    string Agent);

public sealed record SessionsEnded(int Ended);

/// <param name="Remote">The client's address; null for this machine.</param>
/// <param name="Credential">What was used, as its owner calls it; empty for the account's own password.</param>
/// <param name="Count">Attempts of this kind within an hour.</param>
public sealed record LoginView(
    string Protocol, string? Remote, LoginOutcome Outcome, string Credential, DateTimeOffset LastAt, long Count);

/// <param name="TotpSince">Null without an authenticator.</param>
/// <param name="RecoveryCodes">How many are left.</param>
public sealed record FactorView(string Address, DateTimeOffset? TotpSince, int RecoveryCodes, int Passkeys);

/// <param name="LifetimeSeconds">Null for three days.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewPasswordLinkBody(long? LifetimeSeconds = null);

/// <param name="Url">Shown now and never again.</param>
public sealed record PasswordLinkView(string Address, string Url, DateTimeOffset ExpiresAt)
{
    /// <summary>Never the link.</summary>
    public override string ToString() => Address;
}
