using System.Text.Json.Serialization;

namespace Posthorn.Admin;

/// <param name="Id">Six characters, the beginning of the password.</param>
/// <param name="Label">What its owner calls the device.</param>
/// <param name="Scopes"><c>imap</c>, <c>pop3</c>, <c>smtp</c>, <c>sieve</c>, <c>caldav</c>, <c>carddav</c>, <c>eas</c>, <c>jmap</c>.</param>
/// <param name="AllowIp">The networks it may be used from; empty means anywhere.</param>
/// <param name="LastUsedFrom">Null for this machine.</param>
/// <param name="LastUsedBy">The protocol.</param>
/// <param name="Client">What the mail program says of itself; empty when it says nothing.</param>
/// <param name="Uses">Log-ins with it.</param>
/// <param name="RevokedAt">Null while it is in use.</param>
public sealed record AppPasswordView(
    string Id,
    string Label,
    IReadOnlyList<string> Scopes,
    IReadOnlyList<string> AllowIp,
    DateTimeOffset CreatedAt,
    string CreatedBy,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsedAt,
    string? LastUsedFrom,
    string? LastUsedBy,
    string Client,
    long Uses,
    DateTimeOffset? RevokedAt);

/// <param name="Scopes">Null for all.</param>
/// <param name="LifetimeSeconds">Null for one that does not expire.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewAppPasswordBody(
    string Label, IReadOnlyList<string>? Scopes = null, long? LifetimeSeconds = null, IReadOnlyList<string>? AllowIp = null);

/// <param name="Secret">The password to type into the device, shown now and never again.</param>
public sealed record IssuedAppPasswordView(string Id, string Secret, AppPasswordView Password)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Id;
}

/// <param name="Which">Its label or its id.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record RevokeAppPasswordBody(string Which);
