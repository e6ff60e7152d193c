using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>One account as the directory knows it. What lies in its mailbox is the Store's.</summary>
/// <param name="Address">Its own address, which is also its login.</param>
/// <param name="QuotaBytes">None means unlimited.</param>
/// <param name="DisabledAt">Set while nobody may log in and mail is refused.</param>
/// <param name="RemovedAt">Set from removal until the purge; the address stays reserved so that it can be restored.</param>
public sealed record Account(
    AccountId Id,
    EmailAddress Address,
    string Name,
    AccountKind Kind,
    Role Role,
    long? QuotaBytes,
    long? QuotaMessages,
    DateTimeOffset CreatedAt,
    DateTimeOffset? DisabledAt,
    DateTimeOffset? RemovedAt)
{
    public OwnSendingLimits Sending { get; init; } = OwnSendingLimits.None;

    public bool IsActive => DisabledAt is null && RemovedAt is null;

    /// <summary>A service sends only; everybody else has a mailbox.</summary>
    public bool HasMailbox => Kind != AccountKind.Service;
}

/// <summary>What is needed to open an account.</summary>
public sealed record NewAccount(EmailAddress Address)
{
    public string Name { get; init; } = "";

    public AccountKind Kind { get; init; }

    public Role Role { get; init; }

    public long? QuotaBytes { get; init; }

    public long? QuotaMessages { get; init; }

    /// <summary>UTF-8. Without one nobody logs in until a password is set.</summary>
    public ReadOnlyMemory<byte>? Password { get; init; }

    /// <summary>Further addresses that deliver to the account and that it may send from.</summary>
    public IReadOnlyList<EmailAddress> Aliases { get; init; } = [];
}

/// <summary>What may change about an account; a property left out stays as it is.</summary>
public sealed record AccountChange
{
    public string? Name { get; init; }

    public Role? Role { get; init; }

    public Quota? Quota { get; init; }

    public OwnSendingLimits? Sending { get; init; }

    /// <summary>Addresses and <c>*@domain</c> that the account may send from beside its own; the list replaces the one before.</summary>
    public IReadOnlyList<string>? SendAs { get; init; }
}

/// <summary>The limits of a mailbox; none means unlimited.</summary>
public sealed record Quota(long? Bytes, long? Messages);
