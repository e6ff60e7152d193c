using System.Text.Json.Serialization;

namespace Posthorn.Admin;

/// <param name="Domain">The one domain it reaches; null means the whole server.</param>
/// <param name="AllowIp">The networks it may be used from; empty means anywhere.</param>
public sealed record TokenView(
    string Id,
    string Label,
    IReadOnlyList<string> Scopes,
    string? Domain,
    IReadOnlyList<string> AllowIp,
    DateTimeOffset CreatedAt,
    DateTimeOffset? ExpiresAt,
    DateTimeOffset? LastUsedAt);

/// <param name="Scopes"><c>admin</c>, <c>metrics</c>, <c>scim</c>, <c>send</c>.</param>
/// <param name="LifetimeSeconds">Null for a token that does not expire.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewTokenBody(
    IReadOnlyList<string> Scopes, string Label = "", string? Domain = null, long? LifetimeSeconds = null, IReadOnlyList<string>? AllowIp = null);

/// <param name="Secret">Shown now and never again.</param>
public sealed record IssuedTokenView(string Id, string Secret, TokenView Token)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Id;
}
