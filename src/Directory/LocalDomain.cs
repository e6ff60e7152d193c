using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>A domain whose mail this server takes in.</summary>
/// <param name="PlusAddressing">ann+anything@ reaches ann@ (RFC 5233 with the separator '+').</param>
/// <param name="CatchAll">Where mail for undefined names goes; without one it is refused.</param>
/// <param name="Administrator">Who reads postmaster@ and abuse@ unless they are defined; without one, the first administrator there is.</param>
public sealed record LocalDomain(
    Domain Name, bool PlusAddressing, EmailAddress? CatchAll, AccountId? Administrator, DateTimeOffset CreatedAt, DateTimeOffset? DisabledAt,
    DmarcHandling Dmarc = DmarcHandling.Honour)
{
    /// <summary>Its accounts may log in by SCRAM, so that verifiers are kept beside the passwords' hashes.</summary>
    public bool Scram { get; init; }

    /// <summary>What its accounts' mail programs may log in with.</summary>
    public LoginPolicy Login { get; init; }

    /// <summary>Its people must have a second factor before they do anything else in a browser.</summary>
    public bool Mfa { get; init; }
}

/// <summary>What mail programs may log in with; each is narrower than the one before. Pages take passwords all the same. The numbers are
/// stored.</summary>
public enum LoginPolicy
{
    /// <summary>The account's password, app passwords, tokens.</summary>
    Password = 0,

    /// <summary>App passwords and tokens.</summary>
    AppPassword = 1,

    /// <summary>Tokens only.</summary>
    OAuth = 2,
}

/// <summary>What may change about a domain; a property left out stays as it is.</summary>
public sealed record DomainChange
{
    public bool? PlusAddressing { get; init; }

    public Setting<EmailAddress>? CatchAll { get; init; }

    public Setting<AccountId?>? Administrator { get; init; }

    public bool? Disabled { get; init; }

    public DmarcHandling? Dmarc { get; init; }

    public bool? Scram { get; init; }

    public LoginPolicy? Login { get; init; }

    public bool? Mfa { get; init; }
}

/// <summary>What a domain makes of the wishes of others about mail that fails DMARC; a later one is milder. The numbers are stored.</summary>
public enum DmarcHandling
{
    /// <summary>Refused or put into Junk, as the author's domain asks.</summary>
    Honour = 0,

    /// <summary>Put into Junk where it asks for either.</summary>
    Quarantine = 1,

    /// <summary>Delivered; the verdict stands in the message.</summary>
    Ignore = 2,
}

/// <summary>A value that may be set to nothing, which is not the same as being left as it is.</summary>
public readonly record struct Setting<T>(T? Value);

/// <summary>A name that stands for other addresses, here or elsewhere.</summary>
public sealed record Alias(EmailAddress Address, IReadOnlyList<EmailAddress> Targets, DateTimeOffset CreatedAt);
