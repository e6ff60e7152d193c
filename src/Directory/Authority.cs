using Posthorn.Core;

namespace Posthorn.Directory;

/// <summary>In whose name the directory is changed, and how far that reaches. Every change asks it, so no caller can forget to.</summary>
public sealed record Authority
{
    private Authority(string name, Domain? only) => (Name, Only) = (name, only);

    /// <summary>Who answers for the change, as it stands in the log.</summary>
    public string Name { get; }

    /// <summary>The one domain this authority ends at; none means the whole server.</summary>
    public Domain? Only { get; }

    /// <summary>The operator of the machine and the program itself.</summary>
    public static Authority System { get; } = new("system", null);

    public static Authority OverEverything(string name) => new(name, null);

    public static Authority OverDomain(string name, Domain domain) => new(name, domain);

    /// <summary>None when the identity administers nothing.</summary>
    public static Authority? Of(Identity identity) => identity.Role switch
    {
        Role.Admin => OverEverything(identity.Address.ToString()),
        Role.DomainAdmin => OverDomain(identity.Address.ToString(), identity.Address.Domain),
        _ => null,
    };

    public bool Covers(Domain domain) => Only is null || Only == domain;

    /// <exception cref="RefusalException">The domain is somebody else's. It is not said whether it exists.</exception>
    public void Demand(Domain domain)
    {
        if (!Covers(domain)) throw new RefusalException(new Refusal(RefusalKind.Forbidden, $"{Name} does not administer {domain}"));
    }

    /// <exception cref="RefusalException">The authority ends at one domain.</exception>
    public void DemandEverything(string deed)
    {
        if (Only is not null) throw new RefusalException(new Refusal(RefusalKind.Forbidden, $"only an administrator of the server may {deed}"));
    }
}
