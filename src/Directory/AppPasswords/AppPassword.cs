using System.Net;
using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>The password of one device, as it may be shown: never its secret.</summary>
/// <param name="Id">Six characters that are the beginning of the password and say nothing about the rest.</param>
/// <param name="Label">What its owner calls the device; of one account, no two that are in use are called the same.</param>
/// <param name="CreatedBy">Who made it.</param>
public sealed record AppPassword(
    string Id,
    AccountId Account,
    string Label,
    AppScopes Scopes,
    AllowedNetworks Networks,
    DateTimeOffset CreatedAt,
    string CreatedBy,
    DateTimeOffset? ExpiresAt)
{
    /// <summary>Null when it has not been used.</summary>
    public DeviceUse? LastUse { get; init; }

    /// <summary>Log-ins with it.</summary>
    public long Uses { get; init; }

    /// <summary>Null while it is in use.</summary>
    public DateTimeOffset? RevokedAt { get; init; }
}

/// <param name="Remote">Null for this machine.</param>
/// <param name="Client">What the mail program says of itself (RFC 2971); empty when it says nothing.</param>
public sealed record DeviceUse(DateTimeOffset At, IPAddress? Remote, string Protocol, string Client);

/// <summary>What is asked for a new app password.</summary>
public sealed record NewAppPassword(string Label)
{
    public AppScopes Scopes { get; init; } = AppScopes.All;

    public TimeSpan? Lifetime { get; init; }

    public AllowedNetworks Networks { get; init; } = AllowedNetworks.Anywhere;
}

/// <summary>An app password and its secret, which is shown now and never again.</summary>
public sealed record IssuedAppPassword(AppPassword Password, string Secret)
{
    /// <summary>Never the secret.</summary>
    public override string ToString() => Password.Id;
}

/// <summary>Why a right app password does not open.</summary>
public enum DeviceRefusal
{
    Revoked,
    Expired,
    WrongScope,
    WrongNetwork,

    /// <summary>The domain takes no passwords at all.</summary>
    ByPolicy,
}
