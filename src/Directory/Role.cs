namespace Posthorn.Directory;

/// <summary>What an account may administer. The numbers are stored.</summary>
public enum Role
{
    User = 0,

    /// <summary>Everything inside the domain of its own address.</summary>
    DomainAdmin = 1,

    /// <summary>Everything on this server.</summary>
    Admin = 2,
}

/// <summary>What an account is. The numbers are stored.</summary>
public enum AccountKind
{
    Person = 0,

    /// <summary>A program: sends from its listed addresses, has no mailbox and receives nothing.</summary>
    Service = 1,

    Group = 2,

    Resource = 3,
}
