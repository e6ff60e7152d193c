using System.Text.Json.Serialization;

namespace Posthorn.Admin;

/// <param name="Network">In CIDR notation.</param>
/// <param name="ExpiresAt">Null for one that lasts until it is taken back.</param>
public sealed record BanView(string Network, string Reason, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt);

/// <param name="Network">An address, or a network in CIDR notation.</param>
/// <param name="LifetimeSeconds">Null for ever.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewBanBody(string Network, string Reason = "", long? LifetimeSeconds = null);
