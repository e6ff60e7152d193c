using System.Text.Json.Serialization;
using Posthorn.Directory;

namespace Posthorn.Admin;

public enum AccountState
{
    Active,

    /// <summary>Nobody logs in and mail is refused.</summary>
    Disabled,

    /// <summary>Gone for everybody, and restorable until the purge.</summary>
    Removed,
}

/// <param name="Usage">Null without a mailbox.</param>
/// <param name="Aliases">The aliases that lead to it; null in lists.</param>
/// <param name="SendAs">Addresses and *@domain that it may send from beside its own; null in lists.</param>
public sealed record AccountView(
    long Id,
    string Address,
    string Name,
    AccountKind Kind,
    Role Role,
    AccountState State,
    QuotaView Quota,
    UsageView? Usage,
    IReadOnlyList<string>? Aliases,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt,
    DateTimeOffset? RemovedAt,
    SendingView Sending,
    IReadOnlyList<string>? SendAs);

/// <summary>What the account may send in a day; null for what the server gives everybody.</summary>
/// <param name="FirstTime">Recipients that the account has never written to.</param>
public sealed record SendingView(long? Messages, long? Recipients, long? FirstTime);

/// <summary>The limits of a mailbox; null means unlimited.</summary>
public sealed record QuotaView(long? Bytes, long? Messages);

public sealed record UsageView(long Bytes, long Messages);

/// <param name="Password">Without one nobody logs in until it is set.</param>
/// <param name="Aliases">Further addresses that deliver to the account and that it may send from.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record NewAccountBody(
    string Address,
    string? Password = null,
    string Name = "",
    AccountKind Kind = AccountKind.Person,
    Role Role = Role.User,
    QuotaView? Quota = null,
    IReadOnlyList<string>? Aliases = null)
{
    /// <summary>Never the password.</summary>
    public override string ToString() => Address;
}

/// <summary>What is left out stays as it is.</summary>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record AccountChangeBody(
    string? Name = null, Role? Role = null, QuotaView? Quota = null, SendingView? Sending = null, IReadOnlyList<string>? SendAs = null);

[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record PasswordBody(string Password)
{
    /// <summary>Never the password.</summary>
    public override string ToString() => nameof(PasswordBody);
}
